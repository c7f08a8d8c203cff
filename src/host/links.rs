//! Network links that a cluster made on this host.
//!
//! Reads: `/sys/class/net`. Writes: removes links by name with `ip`, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use crate::base::gate::Change;
use std::path::Path;

const NET: &str = "/sys/class/net";

/// Their names: kube-proxy, node-local DNS, the bridge plugin (as flannel uses it), flannel, Calico, Cilium,
/// Weave, Antrea.
const NAMES: [&str; 15] = [
    "kube-ipvs0",
    "nodelocaldns",
    "cni0",
    "flannel.1",
    "flannel-v6.1",
    "flannel-wg",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "cilium_vxlan",
    "cilium_geneve",
    "cilium_host",
    "weave",
    "vxlan-6784",
    "antrea-gw0",
];

/// Those that are there. A bridge to which something is still attached is somebody's, and not among them.
///
/// # Errors
/// When the links cannot be listed.
pub fn found(host: &Host) -> Result<Vec<&'static str>, HostError> {
    let there = host.files().list(Path::new(NET))?;
    let pods_would_go = would_remove_pods(host);
    let mut free = Vec::new();
    for name in NAMES.into_iter().filter(|name| there.iter().any(|link| link == name)) {
        if pods_would_go || ports(host, name)?.is_empty() {
            free.push(name);
        }
    }
    Ok(free)
}

/// True in a dry run that has noted the end of Pods: what is attached to a bridge now would be gone.
fn would_remove_pods(host: &Host) -> bool {
    host.gate().plans(|change| matches!(change, Change::Request { api, .. } if api == "cri"))
}

/// Bridges of a cluster to which something is still attached, and what that is.
///
/// # Errors
/// When the links cannot be listed.
pub fn in_use(host: &Host) -> Result<Vec<(&'static str, Vec<String>)>, HostError> {
    let mut used = Vec::new();
    for name in NAMES {
        let ports = ports(host, name)?;
        if !ports.is_empty() {
            used.push((name, ports));
        }
    }
    Ok(used)
}

/// Removes them; returns their names.
///
/// # Errors
/// When `ip` is missing or refuses.
pub fn remove(host: &Host) -> Result<Vec<&'static str>, HostError> {
    let found = found(host)?;
    for name in &found {
        host.change("remove a network link of the cluster", &Command::new(["ip", "link", "delete", name]))?;
    }
    Ok(found)
}

fn ports(host: &Host, bridge: &str) -> Result<Vec<String>, HostError> {
    Ok(host.files().list(&Path::new(NET).join(bridge).join("brif"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn links_of_a_cluster_go_and_a_bridge_in_use_stays() {
        let host = FakeHost::new()
            .file("/sys/class/net/eth0/mtu", "1500")
            .file("/sys/class/net/flannel.1/mtu", "1450")
            .file("/sys/class/net/cni0/brif/veth1/state", "3")
            .on("ip link delete flannel.1", "");
        assert_eq!(remove(&host.live()).unwrap(), ["flannel.1"]);
        assert_eq!(in_use(&host.live()).unwrap(), [("cni0", vec!["veth1".to_owned()])]);
    }

    #[test]
    fn a_dry_run_that_ends_pods_plans_the_bridge_they_are_attached_to() {
        let fake = FakeHost::new().file("/sys/class/net/cni0/brif/veth1/state", "3");
        let host = fake.dry();
        assert_eq!(found(&host).unwrap(), [""; 0]);
        let change = Change::Request { api: "cri".into(), verb: "remove".into(), object: "pod a/b".into(), body: None };
        host.gate().pass(change, || Ok::<_, ()>(())).unwrap();
        assert_eq!(found(&host).unwrap(), ["cni0"]);
    }

    #[test]
    fn a_bridge_without_ports_goes() {
        let host = FakeHost::new().file("/sys/class/net/cni0/mtu", "1500");
        std::fs::create_dir(host.root().join("sys/class/net/cni0/brif")).unwrap();
        assert_eq!(found(&host.live()).unwrap(), ["cni0"]);
    }
}
