//! Compares the hosts with one another, before anything changes on one of them.

use super::survey::Seen;
use crate::config::cluster::{ClusterFile, HostEntry};
use crate::state::host_facts::HostFacts;
use crate::versions::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A clock that differs by more milliseconds is a warning.
const CLOCK_WARNING: i64 = 2_000;
/// Certificates would not be valid yet, and logs not be in order.
const CLOCK_ERROR: i64 = 30_000;

/// Something that is wrong with several hosts, or between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Nothing is changed on any host while there is an error.
    pub error: bool,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    pub(super) fn error(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { error: true, text: text.into(), help: Some(help.into()) }
    }
    pub(super) fn warning(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { error: false, text: text.into(), help: Some(help.into()) }
    }
}

/// All findings.
pub fn review(file: &ClusterFile, seen: &[Seen]) -> Vec<Finding> {
    let hosts: Vec<(&HostEntry, &Seen, &HostFacts)> =
        file.hosts.iter().zip(seen).filter_map(|(entry, seen)| Some((entry, seen, seen.facts()?))).collect();
    let mut findings = Vec::new();
    duplicates(&hosts, &mut findings);
    clocks(&hosts, &mut findings);
    clusters(&hosts, &mut findings);
    versions(file, &hosts, &mut findings);
    let control_planes = file.control_planes().count();
    if control_planes.is_multiple_of(2) {
        findings.push(Finding::warning(
            format!(
                "{control_planes} control planes: etcd survives the loss of no more members than with {}",
                control_planes - 1
            ),
            "use an odd number of control planes",
        ));
    }
    findings
}

type Host<'a> = (&'a HostEntry, &'a Seen, &'a HostFacts);

/// The name with which a host is a node, or would be one.
pub fn node_name(entry: &HostEntry, facts: &HostFacts) -> String {
    let own = facts.node.as_ref().and_then(|node| node.name.clone());
    own.or_else(|| entry.name.clone()).unwrap_or_else(|| facts.hostname.clone())
}

fn duplicates(hosts: &[Host<'_>], findings: &mut Vec<Finding>) {
    let help = |what| match what {
        "machine id" => {
            "if it is one machine, remove a line; if it was cloned, give it an id of its own: run 'rm /etc/machine-id' and \
             'systemd-machine-id-setup' on it, and restart it"
        }
        "node name" => {
            "write 'name' in the line of the host, or change its host name: run 'hostnamectl set-hostname NAME'"
        }
        _ => "if it is one machine, remove a line; otherwise write 'address' in the line of the host",
    };
    let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for (entry, _, facts) in hosts {
        let address = entry.address.or(facts.address).map(|address| address.to_string());
        let values = [
            ("machine id", Some(facts.machine_id.clone())),
            ("node name", Some(node_name(entry, facts))),
            ("address", address),
        ];
        for (what, value) in values {
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            if let Some(first) = seen.get(&(what, value.clone())) {
                let text = format!("{first} and {} have the same {what}, {value}", entry.label);
                findings.push(Finding::error(text, help(what)));
            } else {
                seen.insert((what, value), &entry.label);
            }
        }
    }
}

fn clocks(hosts: &[Host<'_>], findings: &mut Vec<Finding>) {
    let mut ahead: Vec<i64> = hosts.iter().map(|(_, seen, _)| seen.ahead).collect();
    ahead.sort_unstable();
    let Some(median) = ahead.get(ahead.len() / 2).copied() else { return };
    for (entry, seen, _) in hosts {
        let off = seen.ahead - median;
        let (seconds, side) = (off.abs() / 1000, if off < 0 { "behind" } else { "ahead of" });
        let text = format!("the clock of {} is {seconds} s {side} the other hosts", entry.label);
        let help = "start a time service such as chrony or systemd-timesyncd on it: run 'timedatectl set-ntp true'";
        if off.abs() > CLOCK_ERROR {
            findings.push(Finding::error(text, help));
        } else if off.abs() > CLOCK_WARNING {
            findings.push(Finding::warning(text, help));
        }
    }
}

/// Hosts of two clusters in one file.
fn clusters(hosts: &[Host<'_>], findings: &mut Vec<Finding>) {
    let pins = |facts: &HostFacts| facts.node.as_ref().map(|node| node.pins.clone()).filter(|pins| !pins.is_empty());
    let mut members = hosts.iter().filter_map(|(entry, _, facts)| Some((entry, pins(facts)?)));
    let Some((first, known)) = members.next() else { return };
    let mut known = known;
    for (entry, pins) in members {
        // While a CA is rotated, hosts have the old one, the new one or both.
        if pins.iter().any(|pin| known.contains(pin)) {
            known.extend(pins);
        } else {
            findings.push(Finding::error(
                format!("{} and {} are in different clusters", first.label, entry.label),
                "remove the hosts of the other cluster from the file",
            ));
        }
    }
}

/// Kubelets that do not fit the cluster.
fn versions(file: &ClusterFile, hosts: &[Host<'_>], findings: &mut Vec<Finding>) {
    let stored = hosts.iter().find_map(|(_, seen, _)| seen.cluster()?.configuration.as_deref());
    let named =
        file.document(crate::config::Kind::Cluster).and_then(|it| it.root.entry("kubernetesVersion")?.value.text());
    let stored = stored.and_then(version_in);
    // An upgrade comes before anything joins.
    let named = named.and_then(|text| text.parse().ok());
    let Some(cluster) = stored.max(named) else { return };
    for (entry, _, facts) in hosts {
        match facts.kubelet.as_deref().map(str::parse::<Version>) {
            None => findings.push(Finding::error(
                format!("{} has no kubelet", entry.label),
                format!("install the kubelet of v1.{} on it", cluster.minor),
            )),
            Some(Ok(kubelet)) if kubelet.minor > cluster.minor => findings.push(Finding::error(
                format!("the kubelet of {} is v{kubelet}, newer than the cluster's v{cluster}", entry.label)
                    .replace("vv", "v"),
                format!("install the kubelet of v1.{} on it", cluster.minor),
            )),
            Some(_) => {}
        }
    }
}

/// The version in a stored `ClusterConfiguration`.
fn version_in(text: &str) -> Option<Version> {
    let line = text.lines().find_map(|line| line.strip_prefix("kubernetesVersion:"))?;
    line.trim().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::test_hosts::file;
    use crate::state::host_facts::NodeFacts;

    fn seen(edit: impl Fn(usize, &mut Seen, &mut HostFacts)) -> Vec<String> {
        let file = file("hosts:\n- {ssh: a, role: control-plane}\n- {ssh: b}\n- {ssh: c}\n");
        let hosts: Vec<Seen> = (0..3)
            .map(|number| {
                let mut facts = HostFacts {
                    hostname: format!("h{number}"),
                    machine_id: format!("m{number}"),
                    address: Some(format!("10.0.0.{number}").parse().unwrap()),
                    kubelet: Some("v1.30.1".into()),
                    ..HostFacts::default()
                };
                let mut seen = Seen { facts: Ok(HostFacts::default()), ahead: 100 };
                edit(number, &mut seen, &mut facts);
                Seen { facts: Ok(facts), ..seen }
            })
            .collect();
        review(&file, &hosts)
            .into_iter()
            .map(|it| format!("{}: {}", if it.error { "error" } else { "warning" }, it.text))
            .collect()
    }

    #[test]
    fn hosts_that_differ_are_accepted() {
        assert_eq!(seen(|_, _, _| ()), [""; 0]);
    }

    #[test]
    fn one_machine_on_two_lines_is_refused() {
        assert_eq!(seen(|_, _, facts| facts.machine_id = "m".into()).len(), 2);
        assert_eq!(seen(|_, _, facts| facts.machine_id.clear()), [""; 0], "unknown is not equal");
        let same = |number: usize, _: &mut Seen, facts: &mut HostFacts| {
            if number > 0 {
                facts.hostname = "h".into();
            }
        };
        assert_eq!(seen(same), ["error: b and c have the same node name, h"]);
    }

    #[test]
    fn clocks_are_compared_with_the_median_and_not_with_this_machine() {
        assert_eq!(seen(|_, seen, _| seen.ahead = 3_600_000), [""; 0]);
        let late = |number: usize, seen: &mut Seen, _: &mut HostFacts| {
            seen.ahead -= [0, 5_000, 40_000][number];
        };
        let found = seen(late);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("warning: the clock of a is 5 s ahead of"), "{found:?}");
        assert!(found[1].starts_with("error: the clock of c is 35 s behind"), "{found:?}");
    }

    #[test]
    fn hosts_of_two_clusters_are_refused() {
        let node = |pins: &[&str]| {
            Some(NodeFacts { pins: pins.iter().map(|pin| (*pin).to_owned()).collect(), ..NodeFacts::default() })
        };
        let found = seen(|number, _, facts| facts.node = node(&[["old"], ["old"], ["other"]][number]));
        assert_eq!(found, ["error: a and c are in different clusters"]);
        let rotation = [vec!["old"], vec!["old", "new"], vec!["new"]];
        assert_eq!(seen(|number, _, facts| facts.node = node(&rotation[number])), [""; 0]);
    }
}
