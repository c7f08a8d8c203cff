//! API servers of several versions, nodes that are not ready or are cordoned, container runtimes that are too old.

use crate::state::upgrade::cluster::ClusterReading;
use crate::state::upgrade::finding::Outcome;
use crate::versions::Minor;
use crate::versions::fact::Cri;
use crate::versions::host_needs::oldest_containerd;
use std::collections::BTreeMap;

/// API servers of several versions, or of another one than is stored: an upgrade that is not finished.
pub(super) fn api_servers(reading: &ClusterReading) -> Outcome {
    let mut by_version: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for server in reading.api_servers() {
        let version = server.version.map_or_else(|| "an unknown version".into(), |version| version.to_string());
        by_version.entry(version).or_default().push(server.node);
    }
    let mut outcome = Outcome::default();
    let newest = &reading.version;
    if by_version.len() > 1 {
        let all: Vec<String> =
            by_version.iter().map(|(version, nodes)| format!("{version} on {}", nodes.join(", "))).collect();
        let what = format!("the API servers have several versions: {}", all.join("; "));
        outcome.warning("cluster", what, format!("finish the upgrade to {newest} on every control plane first"));
    } else if reading.config.version != *newest {
        let what = format!(
            "the API servers are {newest}, but the stored configuration is for {}: an upgrade was interrupted, or its \
             manifests were edited",
            reading.config.version
        );
        let place = "ConfigMap kube-system/kubeadm-config";
        outcome.warning(place, what, format!("upgrade to {newest} or newer, which stores the version"));
    }
    outcome
}

/// Nodes that are not ready or are cordoned.
pub(super) fn nodes(reading: &ClusterReading) -> Outcome {
    let mut outcome = Outcome::default();
    for node in &reading.nodes {
        let name = &node.name;
        if !node.ready {
            let fix = format!("run 'kubectl describe node {name}' to see why");
            if node.control_plane {
                outcome.error(name, "this control plane is not ready", fix);
            } else {
                outcome.warning(name, "this node is not ready", fix);
            }
        } else if node.cordoned {
            let fix = format!("run 'kubectl uncordon {name}' if that is not intended");
            outcome.warning(name, "this node is cordoned", fix);
        }
    }
    let servers = reading.api_servers();
    let oldest = servers.iter().filter_map(|server| Some((server.version.as_ref()?, &server.node))).min();
    let Some((version, server)) = oldest else { return outcome };
    for node in &reading.nodes {
        if let Some(kubelet) = node.kubelet.as_ref().filter(|kubelet| kubelet.minor > version.minor) {
            let what = format!("the kubelet is {kubelet}, newer than the API server of {server} ({version})");
            outcome.warning(&node.name, what, format!("upgrade the control plane {server} first"));
        }
    }
    outcome
}

/// Container runtimes that the kubelet of the target cannot use.
pub(super) fn runtimes(reading: &ClusterReading, minor: &Minor) -> Outcome {
    let mut outcome = Outcome::default();
    for node in &reading.nodes {
        let Some((runtime, version)) = node.runtime.split_once("://") else {
            outcome.unchecked.push(format!("{} does not report its container runtime", node.name));
            continue;
        };
        if runtime == "docker" && minor.cri > Cri::Dockershim {
            let what = format!("it uses Docker directly, which the kubelet of v1.{} cannot", minor.minor);
            outcome.error(
                &node.name,
                what,
                "install containerd or cri-dockerd, and set its socket, before the upgrade",
            );
        }
        let Some((major, least)) = oldest_containerd(minor.minor).filter(|_| runtime == "containerd") else { continue };
        let mut numbers = version.trim_start_matches('v').split(['.', '-', '+', '~']).map(str::parse::<u16>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(a)), Some(Ok(b))) if (a, b) < (major, least) => {
                let what = format!("containerd is {version}; the kubelet of v1.{} needs {major}.{least}", minor.minor);
                outcome.error(&node.name, what, format!("upgrade containerd to {major}.{least} or newer first"));
            }
            (Some(Ok(_)), Some(Ok(_))) => {}
            _ => outcome.unchecked.push(format!("{}: containerd has the version {version:?}", node.name)),
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::FakeCluster;
    use crate::versions::facts;
    use serde_json::json;

    fn reading(fake: FakeCluster) -> ClusterReading {
        let running = fake.start();
        read(&running.cx, &running.cluster).unwrap()
    }

    #[test]
    fn an_unfinished_upgrade_is_found() {
        assert_eq!(api_servers(&reading(FakeCluster::new("v1.33.2"))), Outcome::default());
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_control_plane("n2", "v1.34.1");
        let found = api_servers(&reading(fake)).shown();
        assert_eq!(found, ["Warning cluster: the API servers have several versions: v1.33.2 on n1; v1.34.1 on n2"]);
        let mut fake = FakeCluster::new("v1.33.2");
        fake.set("/api/v1/namespaces/kube-system/pods", json!({"items": []}));
        fake.add_pod("kube-apiserver", "n1", "v1.33.5", &[]);
        let found = api_servers(&reading(fake)).shown();
        assert!(found[0].contains("are v1.33.5, but the stored configuration is for v1.33.2"), "{found:?}");
    }

    #[test]
    fn a_control_plane_that_is_not_ready_is_an_error_and_a_worker_a_warning() {
        let mut fake = FakeCluster::new("v1.33.2");
        for worker in ["w1", "w2", "w3"] {
            fake.add_node(worker, "v1.33.2", false);
        }
        for name in ["n1", "w1"] {
            fake.node(name)["status"]["conditions"][0]["status"] = json!("Unknown");
        }
        fake.node("w2")["spec"]["unschedulable"] = json!(true);
        assert_eq!(
            nodes(&reading(fake)).shown(),
            [
                "Error n1: this control plane is not ready",
                "Warning w1: this node is not ready",
                "Warning w2: this node is cordoned"
            ]
        );
    }

    #[test]
    fn a_kubelet_must_not_be_newer_than_the_oldest_api_server() {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_control_plane("n2", "v1.34.1");
        let found = nodes(&reading(fake)).shown();
        assert_eq!(found, ["Warning n2: the kubelet is v1.34.1, newer than the API server of n1 (v1.33.2)"]);
    }

    #[test]
    fn a_runtime_is_checked_for_the_target() {
        let found = |runtime: &str, target: u16| {
            let mut fake = FakeCluster::new("v1.23.1");
            fake.node("n1")["status"]["nodeInfo"]["containerRuntimeVersion"] = json!(runtime);
            let outcome = runtimes(&reading(fake), facts(target).unwrap());
            (outcome.shown().join("|"), outcome.unchecked.len())
        };
        assert_eq!(found("docker://20.10.8", 23), (String::new(), 0));
        assert!(found("docker://20.10.8", 24).0.contains("uses Docker directly"));
        assert!(found("containerd://1.5.13", 26).0.contains("containerd is 1.5.13; the kubelet of v1.26 needs 1.6"));
        assert_eq!(found("containerd://1.5.13", 25), (String::new(), 0));
        assert_eq!(found("containerd://1.6.20~ds1", 26), (String::new(), 0));
        assert_eq!(found("containerd://2.1.0", 26), (String::new(), 0));
        assert_eq!(found("cri-o://1.30.0", 36), (String::new(), 0));
        assert_eq!(found("containerd://unknown", 26).1, 1);
        assert_eq!(found("", 26).1, 1);
    }
}
