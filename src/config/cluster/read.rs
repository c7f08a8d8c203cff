//! Resolves a `Cluster`.

use super::compose;
use super::file::{ClusterFile, Failures, GivenNetwork, Limits, Renew};
use super::host::{self, HostEntry};
use crate::base::fault::Fault;
use crate::base::go_duration::seconds_or_days;
use crate::config::documents::Documents;
use crate::config::pod_network::PodNetwork;
use crate::config::problem::{Complaint, Place, Report};
use crate::config::schema::{Document, Kind};
use crate::config::tree::{Mark, Node, Value};
use crate::domain::certificates::SOON;
use std::collections::BTreeMap;

/// The most hosts that are worked on at once unless the file says otherwise.
const PARALLEL: usize = 30;
/// The share of workers that may fail unless the file says otherwise.
const FAILURES: Failures = Failures::Percent(10);

/// Each is drained, so that the Pods of several would need room on the others.
const UPGRADES: usize = 1;

/// Resolves the file. What is wrong is reported; the result is then incomplete.
pub(in crate::config) fn resolve(documents: &Documents, report: &mut Report) -> ClusterFile {
    let kubeadm: Vec<Document> = documents.all().iter().filter(|other| other.kind != Kind::Hosts).cloned().collect();
    let mut file = ClusterFile {
        hosts: Vec::new(),
        limits: Limits { parallel: PARALLEL, failures: FAILURES, upgrades: UPGRADES },
        pod_network: None,
        packages: None,
        renew: Renew { within: format!("{}d", SOON / 86_400), seconds: SOON },
        documents: kubeadm,
    };
    let Some(cluster) = documents.document(Kind::Hosts) else {
        let complaint = Complaint::with_help(
            "the file has no document of kind Cluster, which lists the hosts",
            "see docs/fleet.md for the smallest file",
        );
        report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
        return file;
    };
    let empty = Node { value: Value::Null, ..cluster.root.clone() };
    let defaults = cluster.root.entry("ssh").map_or(&empty, |entry| &entry.value);
    let hosts = cluster.root.entry("hosts").map(|entry| &entry.value);
    for (number, node) in hosts.map(Node::items).unwrap_or_default().iter().enumerate() {
        file.hosts.extend(host::resolve(node, defaults, &format!("hosts[{number}]"), report));
    }
    if hosts.is_none_or(|hosts| hosts.items().is_empty()) {
        let complaint = Complaint::with_help(
            "no hosts are listed",
            "add 'hosts:' and below it '- {ssh: root@HOST, role: control-plane}'",
        );
        report.problem(Place::File { mark: cluster.mark_of("hosts"), path: "hosts".into() }, complaint);
    } else if file.control_planes().next().is_none() {
        let complaint = Complaint::with_help("no host is a control plane", "add 'role: control-plane' to one");
        report.problem(Place::File { mark: cluster.mark_of("hosts"), path: "hosts".into() }, complaint);
    }
    refuse_duplicates(&file.hosts, report);
    limits(cluster, &mut file.limits, report);
    file.pod_network = pod_network(cluster, report);
    file.packages = packages(cluster, report);
    renew(cluster, &mut file.renew, report);
    compose::check(&file, report);
    file
}

/// Two lines for one host would be two runs on it.
fn refuse_duplicates(hosts: &[HostEntry], report: &mut Report) {
    let mut seen: BTreeMap<(&str, String), &HostEntry> = BTreeMap::new();
    for host in hosts {
        let target = Some(("ssh", format!("{}:{}", host.target.host, host.target.port.unwrap_or(22))));
        let name = host.name.clone().map(|name| ("name", name));
        let address = host.address.map(|address| ("address", address.to_string()));
        for (field, value) in [target, name, address].into_iter().flatten() {
            if let Some(first) = seen.get(&(field, value.clone())) {
                let what = format!("is that of the host on line {} too", first.mark.line);
                let place = Place::File { mark: host.mark, path: format!("{}.{field}", host.path) };
                report.problem(place, Complaint::with_help(what, "remove one of the two"));
            } else {
                seen.insert((field, value), host);
            }
        }
    }
}

/// The pod network; its manifest is read by the caller.
fn pod_network(cluster: &Document, report: &mut Report) -> Option<GivenNetwork> {
    let entry = cluster.root.entry("podNetwork")?;
    let given = entry.value.text()?;
    if let Err(error) = PodNetwork::source(given) {
        let complaint = Complaint { what: error.to_string(), help: error.hint() };
        report.problem(Place::File { mark: entry.value.mark, path: "podNetwork".into() }, complaint);
    }
    Some(GivenNetwork { given: given.to_owned(), manifest: None })
}

/// The directory on the hosts with the packages of releases.
fn packages(cluster: &Document, report: &mut Report) -> Option<String> {
    let entry = cluster.root.entry("upgrade")?.value.entry("packages")?;
    let given = entry.value.text()?;
    if !given.starts_with('/') {
        let what = "is not an absolute path: the directory is on the hosts";
        let place = Place::File { mark: entry.value.mark, path: "upgrade.packages".into() };
        report.problem(place, Complaint::new(what));
    }
    Some(given.to_owned())
}

/// When certificates are renewed.
fn renew(cluster: &Document, renew: &mut Renew, report: &mut Report) {
    let Some(value) = cluster.root.entry("renew").and_then(|entry| Some(&entry.value.entry("within")?.value)) else {
        return;
    };
    // Another type of value has its error already.
    let Some(given) = value.text() else { return };
    let Some(seconds) = seconds_or_days(given) else {
        let complaint =
            Complaint::with_help(format!("{given:?} is not a time"), "write days or hours, such as 30d or 720h");
        return report.problem(Place::File { mark: value.mark, path: "renew.within".into() }, complaint);
    };
    *renew = Renew { within: given.to_owned(), seconds };
}

fn limits(cluster: &Document, limits: &mut Limits, report: &mut Report) {
    let Some(node) = cluster.root.entry("limits").map(|entry| &entry.value) else { return };
    let mut wrong = |name: &str, mark: Mark, what: &str| {
        let place = Place::File { mark, path: format!("limits.{name}") };
        report.problem(place, Complaint::new(what));
    };
    for (name, limit) in [("parallel", &mut limits.parallel), ("upgrades", &mut limits.upgrades)] {
        let Some(entry) = node.entry(name) else { continue };
        match number(&entry.value).filter(|number| *number > 0) {
            Some(number) => *limit = number,
            None => wrong(name, entry.value.mark, "is not a number from 1 on"),
        }
    }
    if let Some(entry) = node.entry("failures") {
        let percent =
            entry.value.text().and_then(|text| text.strip_suffix('%')?.parse().ok()).filter(|share| *share <= 100);
        match (percent, number(&entry.value)) {
            (Some(percent), _) => limits.failures = Failures::Percent(percent),
            (None, Some(number)) => limits.failures = Failures::Number(number),
            (None, None) => wrong("failures", entry.value.mark, "is neither a number nor a percentage such as 10%"),
        }
    }
}

/// A whole number that is not negative, with or without quotes.
fn number(node: &Node) -> Option<usize> {
    match &node.value {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}
