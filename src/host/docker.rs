//! Containers that a kubelet started with Docker, past any CRI (before v1.24) or through an adapter.
//!
//! Reads: Docker's list. Writes: stops and removes them with `docker`, through the gate.

use super::command::{Command, Host, Output};
use super::error::HostError;
use std::time::Duration;

/// What Kubernetes gives a Pod to end unless it says otherwise, in seconds.
const GRACE: &str = "30";
/// Docker stops some dozens of containers at once.
const LIMIT: Duration = Duration::from_mins(10);

/// The ids of the containers whose names match `pattern`, running or not; None on a host without a Docker that
/// answers. Kubelets name theirs `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`.
pub fn containers(host: &Host, pattern: &str) -> Option<Vec<String>> {
    list(host, &["docker", "ps", "-a", "-q", "--filter", &format!("name={pattern}")])
}

/// The names of those that run.
pub fn running(host: &Host, pattern: &str) -> Option<Vec<String>> {
    list(host, &["docker", "ps", "--format", "{{.Names}}", "--filter", &format!("name={pattern}")])
}

fn list(host: &Host, words: &[&str]) -> Option<Vec<String>> {
    host.find("docker")?;
    // One that hangs is as good as none.
    let listed = host.read(&Command::new(words.iter().copied())).ok().filter(Output::is_success)?;
    Some(listed.stdout.split_whitespace().map(str::to_owned).collect())
}

/// Stops and removes containers.
///
/// # Errors
/// When Docker refuses.
pub fn end(host: &Host, ids: &[String]) -> Result<(), HostError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let stop: &[&str] = &["docker", "stop", "-t", GRACE];
    for (what, words) in [("end the Pods' containers", stop), ("remove the Pods' containers", &["docker", "rm"])] {
        host.change(what, &Command::new(words.iter().chain(&ids).copied()).within(LIMIT))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const LIST: &str = "docker ps -a -q --filter name=^/?k8s_";

    #[test]
    fn only_containers_of_the_kubelet_go() {
        let fake = FakeHost::new().on(LIST, "aa\nbb\n").on("docker stop -t 30 aa bb", "").on("docker rm aa bb", "");
        let host = fake.live();
        let ids = containers(&host, "^/?k8s_").unwrap();
        end(&host, &ids).unwrap();
        end(&host, &[]).unwrap();
        assert_eq!(fake.ran().len(), 3);
    }

    #[test]
    fn a_docker_that_does_not_answer_is_none() {
        assert_eq!(containers(&FakeHost::new().live(), "^/?k8s_"), None);
        let host = FakeHost::new().on_result(LIST, 1, "", "Cannot connect to the Docker daemon");
        assert_eq!(containers(&host.live(), "^/?k8s_"), None);
    }
}
