//! The Pods that run on this host.
//!
//! Reads: the container runtime's Pods, and Docker's. Writes: nothing.

use crate::base::gate::Change;
use crate::context::Context;
use crate::host::docker;

/// The names of the kubelet's containers in Docker.
pub const DOCKER_NAMES: &str = "^/?k8s_";

/// Running Pods that no dry run has planned to stop, by name.
pub fn running(cx: &Context) -> Vec<String> {
    let ends = |command: &str| {
        cx.host.gate.plans(|change| match change {
            Change::Request { api, verb, .. } => (api.as_str(), verb.as_str()) == (command, "stop"),
            Change::Run { command: words, .. } => words.first().is_some_and(|word| word == command),
            _ => false,
        })
    };
    let mut names = Vec::new();
    let runtime = cx.runtime().ok();
    if let Some(pods) = runtime.as_ref().and_then(|cri| cri.pods().ok())
        && !ends("cri")
    {
        names.extend(pods.iter().filter(|pod| pod.ready).map(|pod| format!("{}/{}", pod.namespace, pod.name)));
    }
    // Docker as the runtime has listed them already.
    let is_docker = runtime.is_some_and(|cri| cri.endpoint().is_dockershim());
    if !is_docker
        && let Some(in_docker) = docker::running(&cx.host, DOCKER_NAMES)
        && !ends("docker")
    {
        names.extend(in_docker);
    }
    names
}
