//! Sets of addresses that kube-proxy and network add-ons made for their packet rules.
//!
//! Reads: the names of all sets, with `ipset`. Writes: removes those of a cluster by name, through the gate.

use super::command::{Command, Host, Output};
use super::tally::Tally;

/// What their names start with: kube-proxy, Calico, Cilium, kube-router, Antrea.
const PREFIXES: [&str; 6] = ["KUBE-", "cali40", "cali60", "cilium_node_set_", "kube-router-", "ANTREA-"];

/// Their names; none on a host without `ipset`.
pub fn found(host: &Host) -> Vec<String> {
    if host.find("ipset").is_none() {
        return Vec::new();
    }
    // A kernel that has no sets says no.
    let listed = host.read(&Command::new(["ipset", "list", "-n"])).ok().filter(Output::is_success);
    let names = listed.unwrap_or_default().stdout;
    let is_ours = |name: &&str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    names.lines().map(str::trim).filter(is_ours).map(str::to_owned).collect()
}

/// Removes them. A set that another one contains goes after it, in a second round.
pub fn remove(host: &Host) -> Tally {
    let destroy =
        |name: &str| host.change("remove a set of addresses of the cluster", &Command::new(["ipset", "destroy", name]));
    let mut tally = Tally::default();
    let names = found(host);
    let again: Vec<&String> = names.iter().filter(|name| destroy(name).is_err()).collect();
    tally.done = names.len() - again.len();
    for name in again {
        tally.add(1, destroy(name));
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn sets_of_a_cluster_go_and_those_of_others_stay() {
        let host = FakeHost::new()
            .on("ipset list -n", "KUBE-CLUSTER-IP\nblocklist\ncali40s:abc\nMY-KUBE-SET\n")
            .on("ipset destroy KUBE-CLUSTER-IP", "")
            .on_result(
                "ipset destroy cali40s:abc",
                1,
                "",
                "Set cannot be destroyed: it is in use by a kernel component",
            );
        let tally = remove(&host.live());
        assert_eq!((tally.done, tally.failed.len()), (1, 1));
        assert!(tally.failed[0].to_string().contains("in use"));
        assert_eq!(remove(&FakeHost::new().live()).done, 0);
    }
}
