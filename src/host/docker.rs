//! Containers that a kubelet started with Docker, without the CRI (before v1.24) or through an adapter.
//!
//! Reads: Docker's list, version and settings. Writes: stops and removes them with `docker`, through the gate.

use super::command::{Command, Host, Output};
use super::error::HostError;
use serde::Deserialize;
use std::time::Duration;

/// The Docker of this host, regardless of the environment and the client configuration of root.
const DOCKER: [&str; 3] = ["docker", "--host", "unix:///var/run/docker.sock"];
/// Set by the kubelet and its Docker adapter on every container and sandbox of a Pod. The name alone is not sufficient.
const LABELS: [&str; 4] = ["--filter", "label=io.kubernetes.pod.uid", "--filter", "label=io.kubernetes.docker.type"];
/// The default grace period of a Pod, in seconds.
const GRACE: &str = "30";
/// Docker stops some dozens of containers at once.
const LIMIT: Duration = Duration::from_mins(10);

/// What Docker says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Info {
    /// Its version.
    pub server_version: String,
    /// `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// Its storage driver: `overlay2`, ….
    pub driver: String,
    /// Where it has its images and containers.
    pub docker_root_dir: String,
    /// Running containers, also those that are not of Pods.
    pub containers_running: u64,
    /// Containers keep running while Docker is restarted.
    pub live_restore_enabled: bool,
    /// Why the rest is missing, if Docker does not respond.
    pub server_errors: Vec<String>,
}

/// A command of this host's Docker.
pub fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new(DOCKER.into_iter().chain(words))
}

/// Asks Docker for its version and settings.
pub fn info(host: &Host) -> Result<Info, HostError> {
    let command = command(["info", "--format", "{{json .}}"]);
    let output = host.read(&command)?;
    // Older clients print the error in the output and exit with 0.
    let parsed: Option<Info> = serde_json::from_str(output.stdout.trim()).ok();
    match parsed.filter(|info| output.is_success() && info.server_errors.is_empty() && !info.server_version.is_empty())
    {
        Some(info) => Ok(info),
        None if output.is_success() => {
            let text = output.stdout.trim().chars().take(300).collect();
            Err(HostError::Unexpected { command: command.shown(), expected: "Docker's settings", text })
        }
        None => Err(HostError::failed(&command, output)),
    }
}

/// The ids of the containers of Pods whose names match `pattern`, running or not; None if Docker does not respond. The
/// kubelet names them `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`.
pub fn containers(host: &Host, pattern: &str) -> Option<Vec<String>> {
    list(host, &["-a", "-q"], pattern)
}

/// The names of the running ones.
pub fn running(host: &Host, pattern: &str) -> Option<Vec<String>> {
    list(host, &["--format", "{{.Names}}"], pattern)
}

fn list(host: &Host, options: &[&str], pattern: &str) -> Option<Vec<String>> {
    host.find("docker")?;
    let name = format!("name={pattern}");
    let names = ["--filter", &name];
    let words = DOCKER.iter().chain(&["ps"]).chain(options).chain(&names).chain(&LABELS);
    // A Docker that hangs is treated as absent.
    let listed = host.read(&Command::new(words.copied())).ok().filter(Output::is_success)?;
    Some(listed.stdout.split_whitespace().map(str::to_owned).collect())
}

/// Stops and removes containers.
pub fn end(host: &Host, ids: &[String]) -> Result<(), HostError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let stop: &[&str] = &["stop", "-t", GRACE];
    for (what, words) in [("stop the containers of Pods", stop), ("remove the containers of Pods", &["rm"])] {
        host.change(what, &Command::new(DOCKER.iter().chain(words).chain(&ids).copied()).within(LIMIT))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    const LIST: &str = "docker --host unix:///var/run/docker.sock ps -a -q --filter name=^/?k8s_ \
                        --filter label=io.kubernetes.pod.uid --filter label=io.kubernetes.docker.type";

    /// A container of the user had such a name, and Docker could be on another host.
    #[test]
    fn only_labelled_containers_of_this_hosts_docker_go() {
        let fake = FakeHost::new()
            .on(LIST, "aa\nbb\n")
            .on("docker --host unix:///var/run/docker.sock stop -t 30 aa bb", "")
            .on("docker --host unix:///var/run/docker.sock rm aa bb", "");
        let host = fake.live();
        let ids = containers(&host, "^/?k8s_").unwrap();
        end(&host, &ids).unwrap();
        end(&host, &[]).unwrap();
        assert_eq!(fake.ran().len(), 3);
    }

    #[test]
    fn a_docker_that_does_not_run_has_no_settings() {
        const INFO: &str = "docker --host unix:///var/run/docker.sock info --format {{json .}}";
        let settings =
            "{\"ServerVersion\":\"20.10.24\",\"CgroupDriver\":\"systemd\",\"Driver\":\"overlay2\",\"Plugins\":{}}\n";
        let info = super::info(&FakeHost::new().on(INFO, settings).live()).unwrap();
        assert_eq!((info.cgroup_driver.as_str(), info.live_restore_enabled), ("systemd", false));
        let down = "{\"ServerVersion\":\"\",\"ServerErrors\":[\"Cannot connect to the Docker daemon\"]}";
        super::info(&FakeHost::new().on(INFO, down).live()).unwrap_err();
        super::info(&FakeHost::new().on_result(INFO, 1, down, "").live()).unwrap_err();
    }

    #[test]
    fn a_docker_that_does_not_answer_is_none() {
        assert_eq!(containers(&FakeHost::new().live(), "^/?k8s_"), None);
        let host = FakeHost::new().on_result(LIST, 1, "", "Cannot connect to the Docker daemon");
        assert_eq!(containers(&host.live(), "^/?k8s_"), None);
    }
}
