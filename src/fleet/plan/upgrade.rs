//! What an upgrade does on a host, and whether one was interrupted there.

use super::classes::VERSION;
use crate::config::Kind;
use crate::config::cluster::ClusterFile;
use crate::state::host_facts::HostFacts;
use crate::versions::Version;
use serde::{Deserialize, Serialize};

/// What of a host is upgraded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    pub to: Version,
    /// It upgrades the objects of the cluster as well: `upgrade apply`.
    pub cluster: bool,
    /// The static Pods.
    pub components: bool,
    /// The kubelet is replaced.
    pub kubelet: bool,
}

impl Upgrade {
    /// In a few words.
    pub fn shown(&self) -> String {
        let Self { to, .. } = self;
        match (self.components, self.kubelet) {
            (true, true) => format!("upgrade to {to}, then its kubelet"),
            (true, false) => format!("upgrade to {to}"),
            _ => format!("upgrade the kubelet to {to}"),
        }
    }
}

/// The version that the file names.
pub(super) fn named_version(file: &ClusterFile) -> Option<Version> {
    file.document(Kind::Cluster)?.root.entry(VERSION)?.value.text()?.parse().ok()
}

/// The command of the last run on a host, if it was an upgrade that has not completed.
pub(super) fn interrupted(facts: &HostFacts) -> Option<&str> {
    let is_upgrading = facts.node.as_ref().is_some_and(|node| node.upgrading);
    let run = facts.run.as_ref().filter(|run| run.command.starts_with("upgrade ") && run.exit_code != Some(0));
    run.filter(|_| is_upgrading).map(|run| run.command.as_str())
}

/// True if an upgrade of the host that was interrupted is continued by this file.
pub(super) fn is_continued(file: &ClusterFile, facts: &HostFacts) -> bool {
    interrupted(facts).is_some() && named_version(file).is_some()
}
