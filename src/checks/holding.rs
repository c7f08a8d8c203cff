//! The cluster state on this host, and the hints that are safe for it.
//!
//! A manifest may have been edited, moved away or damaged, admin.conf may be missing, and etcd may be down: the data
//! still belong to the cluster, and may be its last copy. Hints that remove, move or replace anything are created
//! here, so that they are given only if nothing can be lost.

use crate::etcd::wal::Identity;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The command that removes a cluster from a host.
const RESET: &str = "run 'kubewright reset' to leave that cluster";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The directories with etcd data.
    pub data: Vec<EtcdData>,
    /// The external etcd that the API server of this host uses.
    pub external_etcd: Vec<String>,
    /// The keys of CAs and of service accounts.
    pub keys: Vec<PathBuf>,
    /// The owner.
    pub whose: Whose,
    /// What the etcd of this host has lost, and the fix.
    pub lost_majority: Option<(String, String)>,
    /// The data that the etcd of this host had.
    pub lost_data: Option<LostData>,
    /// The key with which the controller manager of this host signs, if it does not exist.
    pub lost_signing_key: Option<PathBuf>,
    /// The differences between the manifests and those of this run.
    pub edits: BTreeMap<PathBuf, String>,
}

/// Data of an etcd on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdData {
    /// The `--data-dir` of etcd.
    pub dir: PathBuf,
    /// The content of its log; None if it cannot be read.
    pub identity: Option<Identity>,
}

/// Data of etcd that this host had, and that are not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostData {
    /// The `--data-dir` of etcd.
    pub dir: PathBuf,
    /// The id and the name of the member, which is that of the node; None if no other member knows it.
    pub known: Option<(u64, String)>,
    /// The newest snapshot on this host.
    pub snapshot: Option<PathBuf>,
    /// There is nothing; otherwise only what a new etcd has written.
    pub is_empty: bool,
}

/// Whether the cluster on this host is the one whose CA this run uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Unknown.
    #[default]
    Unknown,
    /// It is: the certificates match.
    Ours,
    /// It is not, for this reason.
    Foreign(String),
}

impl Holding {
    /// True if the cluster on this host is the one of this run.
    pub fn is_ours(&self) -> bool {
        self.whose == Whose::Ours
    }

    /// What on this host may be the only copy of a cluster's data or keys; None if nothing can be lost.
    pub fn last_copy(&self) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        for data in &self.data {
            let whose = data.identity.map(|identity| format!(" ({identity})")).unwrap_or_default();
            parts.push(format!("etcd data in {}{whose}", data.dir.display()));
        }
        if !self.external_etcd.is_empty() {
            parts.push(format!("a control plane with its data in the etcd at {}", self.external_etcd.join(", ")));
        }
        if let Some(key) = self.keys.first() {
            parts.push(match self.keys.len() {
                1 => format!("the key {}", key.display()),
                more => format!("{} and {} more keys of a cluster", key.display(), more - 1),
            });
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// The hint for a cluster that is in the way: to reset it only if nothing can be lost.
    pub fn leave(&self) -> String {
        self.last_copy().map_or_else(|| RESET.into(), |what| keep(&what))
    }

    /// The hint for a running control plane: its data exist somewhere, found or not.
    pub fn leave_running(&self) -> String {
        keep(&self.last_copy().unwrap_or_else(|| "a running control plane".into()))
    }

    /// As [`Holding::leave`], as the end of a sentence that begins with a safer option.
    pub fn or_leave(&self, otherwise: &str) -> String {
        match self.last_copy() {
            None => format!("; {otherwise}, run 'kubewright reset'"),
            Some(what) => format!("; this host has {what}, which may be the only copy: keep it"),
        }
    }
}

/// The hint if something may be lost.
fn keep(what: &str) -> String {
    format!(
        "keep this host as it is: it has {what}, which may be the only copy. To continue with that cluster, specify \
         the flags or the --config file that it was created with; use another host for a new cluster"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> EtcdData {
        EtcdData { dir: "/var/lib/etcd".into(), identity: Some(Identity { cluster: 0xc, member: 0xa }) }
    }

    #[test]
    fn no_hint_gives_up_a_possible_only_copy() {
        let holdings = [
            Holding { data: vec![data()], ..Holding::default() },
            Holding { external_etcd: vec!["https://10.0.0.9:2379".into()], ..Holding::default() },
            Holding { keys: vec!["/etc/kubernetes/pki/ca.key".into()], ..Holding::default() },
        ];
        for holding in holdings {
            for advice in [holding.leave(), holding.leave_running(), holding.or_leave("to give it up")] {
                assert!(!advice.contains("reset") && !advice.contains("mv ") && advice.contains("keep"), "{advice}");
            }
        }
        let nothing = Holding::default();
        assert!(nothing.leave().contains("kubewright reset"));
        assert!(!nothing.leave_running().contains("reset"), "what runs has its data somewhere");
    }

    #[test]
    fn the_data_are_reported_with_the_ids_of_etcd() {
        let holding = Holding { data: vec![data()], ..Holding::default() };
        assert_eq!(holding.last_copy().unwrap(), "etcd data in /var/lib/etcd (member a of cluster c)");
    }
}
