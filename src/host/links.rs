//! Network links that a cluster made on this host.
//!
//! Reads: `/sys/class/net`. Writes: removes links by name with `ip`, through the gate.

use super::command::{Command, Host};
use super::error::HostError;
use super::tally::Tally;
use crate::base::gate::Change;
use std::path::Path;

const NET: &str = "/sys/class/net";
/// The one to which kube-proxy binds the addresses of Services.
pub const OF_VIRTUAL_SERVERS: &str = "kube-ipvs0";

/// Their names: kube-proxy, node-local DNS, the bridge plugin (as flannel uses it), kube-router, flannel, Calico,
/// Cilium, Weave, Antrea.
const NAMES: [&str; 20] = [
    OF_VIRTUAL_SERVERS,
    "nodelocaldns",
    "cni0",
    "kube-bridge",
    "kube-dummy-if",
    "flannel.1",
    "flannel-v6.1",
    "flannel-wg",
    "flannel-wg-v6",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "cilium_vxlan",
    "cilium_geneve",
    "cilium_host",
    "cilium_wg0",
    "weave",
    "vxlan-6784",
    "antrea-gw0",
    "antrea-tun0",
];
/// The host's ends of Pods' links, when their Pods did not take them along: Calico's and Cilium's names are made of
/// one of these and so many digits of a hash.
const POD_ENDS: [(&str, std::ops::RangeInclusive<usize>); 2] = [("cali", 11..=11), ("lxc", 12..=13)];
/// Links that a cluster may have made, and others as well.
const DOUBTFUL: [(&str, &str); 2] = [
    ("genev_sys_", "Open vSwitch made it, for a network addon or for another purpose"),
    (
        "tunl0",
        "it belongs to the kernel's module ipip, which Calico uses; run 'ip link set tunl0 down' if nothing else uses it",
    ),
];

/// Existing links of a cluster, except bridges in use: those may belong to another program.
pub fn found(host: &Host) -> Result<Vec<String>, HostError> {
    let there = host.files.list(Path::new(NET))?;
    let pods_would_go = would_remove_pods(host);
    let mut free = Vec::new();
    for name in NAMES.into_iter().filter(|name| there.iter().any(|link| link == name)) {
        if pods_would_go || ports(host, name)?.is_empty() {
            free.push(name.to_owned());
        }
    }
    free.extend(there.into_iter().filter(|name| is_pod_end(name)));
    Ok(free)
}

fn is_pod_end(name: &str) -> bool {
    let is_hash = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let of = |(prefix, length): &(&str, std::ops::RangeInclusive<usize>)| {
        name.strip_prefix(prefix).is_some_and(|rest| length.contains(&rest.len()) && is_hash(rest))
    };
    name == "lxc_health" || POD_ENDS.iter().any(of)
}

/// True in a dry run that has recorded the removal of Pods: their links to bridges would no longer exist.
fn would_remove_pods(host: &Host) -> bool {
    host.gate.plans(|change| matches!(change, Change::Request { api, .. } if api == "cri"))
}

/// Bridges of a cluster to which something is still attached, and what that is.
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

/// Links that are up and may belong to a cluster, and why that is uncertain.
pub fn doubtful(host: &Host) -> Result<Vec<(String, &'static str)>, HostError> {
    let why = |name: &str| DOUBTFUL.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, why)| *why);
    let there = host.files.list(Path::new(NET))?.into_iter().filter(|name| is_up(host, name));
    Ok(there.filter_map(|name| why(&name).map(|why| (name, why))).collect())
}

/// The lowest bit of a link's flags, which are written as `0x1043`.
fn is_up(host: &Host, name: &str) -> bool {
    let flags = host.files.read_text(&Path::new(NET).join(name).join("flags")).ok().flatten();
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

/// Removes them, but for `kept`; returns their names and why others are still there.
pub fn remove(host: &Host, kept: &[&str]) -> Result<(Vec<String>, Tally), HostError> {
    let (mut removed, mut tally) = (Vec::new(), Tally::default());
    for name in found(host)?.into_iter().filter(|name| !kept.contains(&name.as_str())) {
        // Some come in pairs, and go so.
        if !host.files.exists(&Path::new(NET).join(&name)) {
            continue;
        }
        let done = host.change("remove a network link of the cluster", &Command::new(["ip", "link", "delete", &name]));
        if done.is_ok() {
            removed.push(name);
        }
        tally.add(1, done);
    }
    Ok((removed, tally))
}

fn ports(host: &Host, bridge: &str) -> Result<Vec<String>, HostError> {
    Ok(host.files.list(&Path::new(NET).join(bridge).join("brif"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn links_of_a_cluster_are_removed_except_bridges_in_use() {
        let host = FakeHost::new()
            .file("/sys/class/net/eth0/mtu", "1500")
            .file("/sys/class/net/flannel.1/mtu", "1450")
            .file("/sys/class/net/cni0/brif/veth1/state", "3")
            .on("ip link delete flannel.1", "");
        assert_eq!(remove(&host.live(), &[]).unwrap().0, ["flannel.1"]);
        assert_eq!(in_use(&host.live()).unwrap(), [("cni0", vec!["veth1".to_owned()])]);
    }

    #[test]
    fn a_link_that_does_not_go_keeps_none_of_the_others() {
        let host = FakeHost::new()
            .file("/sys/class/net/flannel.1/mtu", "1450")
            .file("/sys/class/net/kube-ipvs0/mtu", "1500")
            .file("/sys/class/net/weave/mtu", "1376")
            .on_result("ip link delete flannel.1", 2, "", "RTNETLINK answers: Device or resource busy")
            .on("ip link delete weave", "");
        let (removed, tally) = remove(&host.live(), &[OF_VIRTUAL_SERVERS]).unwrap();
        assert_eq!((removed, tally.failed.len()), (vec!["weave".to_owned()], 1));
    }

    #[test]
    fn ends_of_pods_links_are_distinguished_from_other_links() {
        for (name, expected) in [
            ("cali0123456789a", true),
            ("lxc0123456789ab", true),
            ("lxc_health", true),
            ("california", false),
            ("caliban", false),
            ("lxcbr0", false),
            ("lxc-data", false),
        ] {
            assert_eq!(is_pod_end(name), expected, "{name}");
        }
    }

    #[test]
    fn links_of_uncertain_origin_are_reported_if_they_are_up() {
        let host = FakeHost::new()
            .file("/sys/class/net/tunl0/flags", "0x80\n")
            .file("/sys/class/net/genev_sys_6081/flags", "0x1043\n");
        let found = doubtful(&host.live()).unwrap();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["genev_sys_6081"]);
    }

    #[test]
    fn a_dry_run_that_ends_pods_plans_the_bridge_they_are_attached_to() {
        let fake = FakeHost::new().file("/sys/class/net/cni0/brif/veth1/state", "3");
        let host = fake.dry();
        assert_eq!(found(&host).unwrap(), [""; 0]);
        let change = Change::request("cri", "remove", "pod a/b", None);
        host.gate.pass(change, || Ok::<_, ()>(())).unwrap();
        assert_eq!(found(&host).unwrap(), ["cni0"]);
    }

    #[test]
    fn an_unused_bridge_is_removed() {
        let host = FakeHost::new().file("/sys/class/net/cni0/mtu", "1500");
        std::fs::create_dir(host.root().join("sys/class/net/cni0/brif")).unwrap();
        assert_eq!(found(&host.live()).unwrap(), ["cni0"]);
    }
}
