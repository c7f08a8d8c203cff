//! The plan for one host.

use super::renewal::Renewal;
use super::upgrade::Upgrade;
use crate::config::cluster::{HostEntry, Role};
use crate::context::upgrading::Parts;
use crate::state::host_facts::labels::Wanted;
use serde::{Deserialize, Serialize};

/// What is to be done with a host as a member of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Make the cluster on it.
    Init,
    Join,
    /// It is in the cluster.
    Unchanged,
    /// It does not respond, so that nothing can be done.
    Unreachable,
    /// What the file wants cannot be done.
    Impossible,
}

/// The plan for a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostPlan {
    pub host: String,
    /// The name of its node; None if it is not known.
    pub node: Option<String>,
    pub role: Role,
    pub action: Action,
    /// An earlier run has begun this and not completed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// A run on the host to wait for first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<String>,
    /// Its certificates are renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// SANs that the certificate of its API server gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
    /// What of its configuration changes.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub change: Parts,
    /// The configuration of kube-proxy changes, through this control plane.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proxy: bool,
    /// What of it is upgraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// Labels and taints of the node that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Why it is unreachable or impossible.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl HostPlan {
    pub(super) fn new(entry: &HostEntry, action: Action) -> Self {
        Self {
            host: entry.label.clone(),
            node: None,
            role: entry.role,
            action,
            continues: false,
            running: None,
            renewal: None,
            sans: Vec::new(),
            change: Parts::default(),
            proxy: false,
            upgrade: None,
            labels: Vec::new(),
            why: String::new(),
            help: None,
        }
    }

    pub(super) fn impossible(entry: &HostEntry, node: &str, why: String, help: String) -> Self {
        Self { node: Some(node.into()), why, help: Some(help), ..Self::new(entry, Action::Impossible) }
    }

    /// True if something is done on the host or to its node.
    pub fn changes(&self) -> bool {
        matches!(self.action, Action::Init | Action::Join)
            || self.alters()
            || !self.labels.is_empty()
            || self.running.is_some()
    }

    /// True if the configuration, the version or certificates of a member change.
    pub fn alters(&self) -> bool {
        self.action == Action::Unchanged && (self.renewal.is_some() || self.alters_further())
    }

    /// True if more than its certificates changes.
    pub fn alters_further(&self) -> bool {
        self.change.any() || self.proxy || !self.sans.is_empty() || self.upgrade.is_some()
    }

    /// True if a certificate that is renewed has expired.
    pub fn has_expired(&self) -> bool {
        self.renewal.as_ref().is_some_and(|renewal| renewal.expired)
    }

    /// True if an earlier run has begun something here and not completed it.
    pub fn is_unfinished(&self) -> bool {
        self.continues || self.renewal.as_ref().is_some_and(|renewal| renewal.continues)
    }

    /// What of the configuration changes, in a few words.
    fn alterations(&self) -> Vec<String> {
        let mut words: Vec<String> = self.renewal.iter().map(Renewal::shown).collect();
        if !self.sans.is_empty() {
            words.push(format!("add SAN {}", self.sans.join(" ")));
        }
        let continued = if self.continues { "continue to " } else { "" };
        if let Some(upgrade) = &self.upgrade {
            words.push(format!("{continued}{}", upgrade.shown()));
        }
        if self.change.components {
            words.push(format!("{continued}change static Pods"));
        }
        if self.change.kubelet {
            words.push(format!("{continued}change the kubelet"));
        }
        if self.proxy {
            words.push("change kube-proxy".to_owned());
        }
        words
    }

    /// In a few words.
    pub fn shown(&self) -> String {
        let mut text = match self.action {
            Action::Init if self.continues => "continue 'init'".to_owned(),
            Action::Init => "init".to_owned(),
            Action::Join if self.continues => "continue 'join'".to_owned(),
            Action::Join => "join".to_owned(),
            Action::Unchanged if self.alters() => self.alterations().join(", "),
            Action::Unchanged if self.labels.is_empty() => "unchanged".to_owned(),
            Action::Unchanged => String::new(),
            Action::Unreachable => format!("unreachable: {}", self.why),
            Action::Impossible => format!("impossible: {}", self.why),
        };
        if let Some(run) = &self.running {
            text = format!("wait for run {run}, {text}");
        }
        let labels = self.labels.join(", ");
        match (text.is_empty(), labels.is_empty()) {
            (true, _) => labels,
            (_, true) => text,
            _ => format!("{text}, {labels}"),
        }
    }
}

/// What a file lists for a node.
pub fn wanted(entry: &HostEntry, name: &str) -> Wanted {
    Wanted { name: name.into(), labels: entry.labels.clone(), taints: entry.taints.clone() }
}

// The signature is that of serde.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_nothing(parts: &Parts) -> bool {
    !parts.any()
}
