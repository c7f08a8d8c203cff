//! Nodes that are silent, not ready, under pressure, cordoned, or of another version than Kubernetes supports.

use super::wording::one_of;
use crate::state::status::causes::{Cause, Severity};
use crate::state::status::view::{Node, View};
use crate::versions::{Version, facts};
use std::path::Path;

/// Words of kubelets whose container runtime has no network plugin.
const NETWORK: [&str; 3] = ["cni plugin not initialized", "cni config uninitialized", "NetworkPluginNotReady"];

pub(super) fn add(view: &View, causes: &mut Vec<Cause>) {
    let own = view.host.as_ref();
    if let Some((host, problem)) = own.and_then(|host| Some((host, host.network_problem.as_ref()?))) {
        let what = format!("the container runtime of {} has no network for Pods: {problem}", host.name);
        let cause = Cause::new("NetworkMissing", Severity::Critical, &host.name, what, &host.name);
        causes.push(match host.network_files.first() {
            Some(file) => cause.with_next(not_loaded(file, &host.runtime_service)),
            None => cause,
        });
    }
    let explained = |node: &Node| {
        own.is_some_and(|host| host.name == node.name)
            && causes_of(causes, &["KubeletStopped", "KubeletFailing", "RuntimeDown"])
    };
    let nodes = view.nodes.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for node in nodes {
        let others = nodes.iter().any(|other| other.ready && other.name != node.name);
        let severity = if node.control_plane { Severity::Critical } else { one_of(others) };
        if !node.ready && !explained(node) {
            found.push(not_ready(node, severity));
        }
        let name = &node.name;
        if node.ready && !node.pressure.is_empty() {
            let what = format!("{name} reports {}", node.pressure.join(", "));
            found.push(Cause::new("NodePressure", Severity::Warning, name, what, name));
        }
        if node.cordoned {
            found.push(Cause::new("NodeCordoned", Severity::Note, name, format!("{name} is cordoned"), name));
        }
    }
    found.extend(skews(view, nodes));
    causes.extend(found);
}

/// containerd misses a configuration that is moved into its directory, and every one after the directory was removed.
fn not_loaded(file: &Path, service: &str) -> String {
    format!(
        "the runtime has not loaded {}: run 'systemctl restart {service}', which keeps containers running; if it is the same \
         then, run 'journalctl -u {service} -n 50' to see what is wrong with the file",
        file.display()
    )
}

fn causes_of(causes: &[Cause], ids: &[&str]) -> bool {
    causes.iter().any(|cause| ids.contains(&cause.id))
}

fn not_ready(node: &Node, severity: Severity) -> Cause {
    let name = &node.name;
    let since = node.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    let role = if node.control_plane { "control plane" } else { "worker" };
    if node.silent {
        let what = format!(
            "the {role} {name} has not reported{since}: its host or its kubelet is down, or cannot reach the API"
        );
        return Cause::new("NodeSilent", severity, name, what, name);
    }
    let problem = node.problem.clone().unwrap_or_else(|| "it does not say why".into());
    if NETWORK.iter().any(|words| problem.contains(words)) {
        let what = format!("{name} has no network for Pods: {problem}");
        return Cause::new("NetworkMissing", severity, name, what, name);
    }
    Cause::new("NodeNotReady", severity, name, format!("the {role} {name} is not ready{since}: {problem}"), name)
}

/// Kubelets that are newer than an API server, or too old for one; API servers of several versions.
fn skews(view: &View, nodes: &[Node]) -> Vec<Cause> {
    let versions =
        view.control_planes.iter().flatten().filter_map(|plane| plane.version.as_ref()?.parse::<Version>().ok());
    let mut servers: Vec<Version> = versions.collect();
    servers.sort();
    servers.dedup();
    let (Some(oldest), Some(newest)) = (servers.first(), servers.last()) else { return Vec::new() };
    let mut found = Vec::new();
    if oldest != newest {
        let what =
            format!("the API servers have several versions, from {oldest} to {newest}: an upgrade is not finished");
        found.push(Cause::new("VersionSkew", Severity::Warning, "cluster", what, ""));
    }
    let most = facts(newest.minor).map_or(2, |facts| facts.kubelet_skew);
    for node in nodes {
        let Ok(kubelet) = node.version.parse::<Version>() else { continue };
        if kubelet.minor > oldest.minor || kubelet.minor + most < newest.minor {
            let what = format!("the kubelet of {} is {kubelet}, the API servers are {oldest} to {newest}", node.name);
            found.push(Cause::new("VersionSkew", Severity::Warning, &node.name, what, ""));
        }
    }
    found
}
