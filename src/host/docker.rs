//! Containers that a kubelet before v1.24 started with Docker, past any CRI.
//!
//! Reads: Docker's list. Writes: stops and removes them with `docker`, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use std::time::Duration;

/// Docker gives each container its ten seconds, one after the other.
const LIMIT: Duration = Duration::from_mins(10);

/// Removes the containers whose names say that a kubelet made them; false on a host without a Docker that answers.
///
/// # Errors
/// When Docker refuses.
pub fn remove_kubelets_containers(host: &Host) -> Result<bool, HostError> {
    if host.find("docker").is_none() {
        return Ok(false);
    }
    // kubelets name them k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT; Docker's filter is a pattern.
    let listed = host.read(&Command::new(["docker", "ps", "-a", "-q", "--filter", "name=^/?k8s_"]))?;
    if !listed.is_success() {
        return Ok(false);
    }
    let ids: Vec<&str> = listed.stdout.split_whitespace().collect();
    if !ids.is_empty() {
        for (what, words) in
            [("end the Pods' containers", ["docker", "stop"]), ("remove the Pods' containers", ["docker", "rm"])]
        {
            host.change(what, &Command::new(words.iter().chain(&ids).copied()).within(LIMIT))?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const LIST: &str = "docker ps -a -q --filter name=^/?k8s_";

    #[test]
    fn only_containers_of_the_kubelet_go() {
        let host = FakeHost::new().on(LIST, "aa\nbb\n").on("docker stop aa bb", "").on("docker rm aa bb", "");
        assert!(remove_kubelets_containers(&host.live()).unwrap());
        assert_eq!(host.ran().len(), 3);
    }

    #[test]
    fn a_docker_that_does_not_answer_is_none() {
        assert!(!remove_kubelets_containers(&FakeHost::new().live()).unwrap());
        let host = FakeHost::new().on_result(LIST, 1, "", "Cannot connect to the Docker daemon");
        assert!(!remove_kubelets_containers(&host.live()).unwrap());
    }
}
