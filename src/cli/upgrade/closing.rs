//! What to type next, on which host, in the order that keeps the rules of versions: all API servers before any kubelet.

use crate::base::shell_word::shell_word;
use crate::context::upgrading::Finishing;
use crate::state::upgrade::cluster::{ClusterReading, NodeReading};
use crate::versions::Version;
use serde::Serialize;
use std::path::Path;

/// A next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The nodes that it is for.
    pub nodes: Vec<String>,
    pub purpose: String,
    pub command: String,
}

impl Next {
    fn new(nodes: Vec<String>, purpose: String, command: impl Into<String>) -> Self {
        Self { nodes, purpose, command: command.into() }
    }

    /// The same command, on the same host, when the steps before are done.
    pub fn again(own: &str, command: &str) -> Self {
        Self::new(vec![own.into()], format!("When that is done, on {own} again"), command)
    }
}

const NODE: &str = "kubewright upgrade node";
const FINISH: &str = "kubewright upgrade node --finish";

/// The steps after `upgrade apply` on the node `own`.
pub fn after_apply(reading: &ClusterReading, own: &str, version: &Version, finish: Option<&Finishing>) -> Vec<Next> {
    if let Some(finish) = finish {
        return after_finish(reading, own, version, finish);
    }
    let servers = reading.api_servers();
    let older: Vec<String> = servers
        .into_iter()
        .filter(|server| server.node != own && server.version.as_ref() != Some(version))
        .map(|server| server.node)
        .collect();
    let workers = names(reading.nodes.iter().filter(|node| !node.control_plane));
    let old_kubelets = names(reading.nodes.iter().filter(|node| node.kubelet.as_ref() != Some(version)));
    let mut steps = Vec::new();
    if !older.is_empty() {
        let purpose = format!("Next, on the other control planes ({}), one after the other", older.join(", "));
        steps.push(Next::new(older, purpose, "kubewright upgrade node"));
    }
    if !workers.is_empty() {
        let purpose = format!("Then on each worker ({})", shown(&workers));
        steps.push(Next::new(workers, purpose, "kubewright upgrade node"));
    }
    if !old_kubelets.is_empty() {
        let purpose = format!(
            "Then replace the kubelet on one node after the other ({}), control planes first: drain the node from a control plane, \
             install kubelet and kubectl {version} on it, restart the kubelet, and uncordon the node when it is Ready",
            shown(&old_kubelets)
        );
        steps.push(Next::new(old_kubelets, purpose, kubelet_commands()));
    }
    steps
}

/// The same if each node replaces its own kubelet: no kubelet of a newer minor version before the last API server.
fn after_finish(reading: &ClusterReading, own: &str, version: &Version, finish: &Finishing) -> Vec<Next> {
    let servers = reading.api_servers();
    let is_older = |name: &str| {
        name != own && servers.iter().any(|server| server.node == name && server.version.as_ref() != Some(version))
    };
    let has_old_kubelet =
        |node: &NodeReading| node.kubelet.as_ref() != Some(version) && !(finish.is_proved && node.name == own);
    let control_planes = || reading.nodes.iter().filter(|node| node.control_plane);
    let workers = names(reading.nodes.iter().filter(|node| !node.control_plane && has_old_kubelet(node)));
    let mut steps = Vec::new();
    let mut step = |nodes: Vec<String>, which: &str, command: &str| {
        if !nodes.is_empty() {
            let purpose = format!(
                "{} {which} ({}), one after the other{}",
                if steps.is_empty() { "Next, on" } else { "Then on" },
                shown(&nodes),
                if finish.directory.is_some() && command != NODE {
                    ", with the same packages in the same directory"
                } else {
                    ""
                }
            );
            steps.push(Next::new(nodes, purpose, command));
        }
    };
    let older = names(control_planes().filter(|node| is_older(&node.name)));
    let command = &finish_command(finish);
    if finish.waits.is_some() {
        step(older, "the other control planes", NODE);
        step(names(control_planes().filter(|node| has_old_kubelet(node))), "each control plane", command);
    } else {
        let rest = control_planes().filter(|node| is_older(&node.name) || has_old_kubelet(node));
        step(names(rest), "the control planes that are left", command);
    }
    step(workers, "each worker", command);
    steps
}

/// The steps after `upgrade node`.
pub fn after_node(own: &str, kubelet: Option<&Version>, version: &Version, finish: Option<&Finishing>) -> Vec<Next> {
    if kubelet == Some(version) || finish.is_some_and(|finish| finish.is_proved) {
        return Vec::new();
    }
    if let Some(finish) = finish.filter(|finish| finish.waits.is_some()) {
        let purpose = format!("When all control planes are at {version}, on this node");
        return vec![Next::new(vec![own.into()], purpose, finish_command(finish))];
    }
    let purpose = format!(
        "When all control planes are at {version}, replace the kubelet of {own}: drain the node from a control plane, install kubelet \
         and kubectl {version}, restart the kubelet, and uncordon the node when it is Ready"
    );
    vec![Next::new(vec![own.into()], purpose, kubelet_commands().replace("NODE", own))]
}

/// The command that replaces the kubelet of a node, from the same source as on this host.
fn finish_command(finish: &Finishing) -> String {
    match &finish.directory {
        Some(directory) => format!("{FINISH} {}", from_packages(directory)),
        None => FINISH.into(),
    }
}

/// The flag for a directory of packages, as a shell reads it.
pub fn from_packages(directory: &Path) -> String {
    format!("--packages {}", shell_word(&directory.display().to_string()))
}

fn kubelet_commands() -> String {
    "kubectl drain NODE --ignore-daemonsets\nsystemctl daemon-reload && systemctl restart kubelet\nkubectl uncordon NODE".into()
}

fn names<'a>(nodes: impl Iterator<Item = &'a NodeReading>) -> Vec<String> {
    nodes.map(|node| node.name.clone()).collect()
}

/// The first names, and how many more there are.
fn shown(names: &[String]) -> String {
    const MOST: usize = 5;
    let more = names.len().saturating_sub(MOST);
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::upgrade::cluster::read;
    use crate::state::upgrade::fixture::{FakeCluster, RunningCluster};

    fn two_control_planes_and_a_worker() -> RunningCluster {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_control_plane("n2", "v1.33.2");
        fake.add_node("w1", "v1.33.2", false);
        fake.start()
    }

    #[test]
    fn api_servers_come_before_workers_and_kubelets() {
        let running = two_control_planes_and_a_worker();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let version = "v1.34.2".parse().unwrap();
        let steps = after_apply(&reading, "n1", &version, None);
        let nodes: Vec<Vec<&str>> = steps.iter().map(|step| step.nodes.iter().map(String::as_str).collect()).collect();
        assert_eq!(nodes, [vec!["n2"], vec!["w1"], vec!["n1", "n2", "w1"]]);
        assert_eq!(steps[0].command, "kubewright upgrade node");
        assert!(steps[2].command.contains("kubectl uncordon"));
        assert_eq!(after_node("w1", Some(&version), &version, None), []);
        assert!(after_node("w1", None, &version, None)[0].command.contains("kubectl drain w1"));

        // With --finish no step is about a kubelet by itself, and none runs ahead of an API server.
        let shown =
            |steps: Vec<Next>| steps.into_iter().map(|step| (step.nodes.join(" "), step.command)).collect::<Vec<_>>();
        let line = |nodes: &str, command: &str| (nodes.to_owned(), command.to_owned());
        let waits = Finishing { waits: Some("n2 has v1.33.2".into()), ..finishing() };
        assert_eq!(
            shown(after_apply(&reading, "n1", &version, Some(&waits))),
            [line("n2", NODE), line("n1 n2", FINISH), line("w1", FINISH)]
        );
        assert_eq!(shown(after_node("n1", None, &version, Some(&waits))), [line("n1", FINISH)]);
        let done = Finishing { is_proved: true, ..finishing() };
        assert_eq!(shown(after_apply(&reading, "n1", &version, Some(&done))), [line("n2", FINISH), line("w1", FINISH)]);
        assert_eq!(after_node("n1", None, &version, Some(&done)), []);
    }

    #[test]
    fn the_next_command_names_the_directory_of_packages() {
        let running = two_control_planes_and_a_worker();
        let reading = read(&running.cx, &running.cluster).unwrap();
        let version = "v1.34.2".parse().unwrap();
        let from = |directory: &str| Finishing { directory: Some(directory.into()), ..finishing() };
        let commands = |finish: Finishing| {
            let steps = after_apply(&reading, "n1", &version, Some(&finish));
            steps.into_iter().map(|step| step.command).collect::<Vec<_>>()
        };
        let finish = "kubewright upgrade node --finish --packages /srv/v1.34.2";
        assert_eq!(commands(Finishing { is_proved: true, ..from("/srv/v1.34.2") }), [finish, finish]);
        let waits = || Finishing { waits: Some("n2 has v1.33.2".into()), ..from("/srv/v1.34.2") };
        assert_eq!(commands(waits()), [NODE, finish, finish]);
        assert_eq!(after_node("n1", None, &version, Some(&waits()))[0].command, finish);
        assert_eq!(from_packages(Path::new("/srv/it's here")), r"--packages '/srv/it'\''s here'");
    }

    fn finishing() -> Finishing {
        Finishing {
            directory: None,
            drains: true,
            drain_limit: std::time::Duration::from_mins(5),
            begun: None,
            waits: None,
            is_proved: false,
        }
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..8).map(|number| format!("w{number}")).collect();
        assert_eq!(shown(&names), "w0, w1, w2, w3, w4 and 3 more");
    }
}
