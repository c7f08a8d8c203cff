//! Fields of the cluster's configuration that differ from the file's, and what can be done about each.

use crate::base::env::Random;
use crate::config::cluster::ClusterFile;
use crate::config::difference::differences;
use crate::config::model::{ClusterConfig, Timeouts};
use crate::config::tree::{Node, Value};
use crate::config::{ConfigErrors, Facts, Kind, encode, parse};
use crate::fleet::review::Finding;
use crate::versions::facts_of;
use serde::{Deserialize, Serialize};

/// What can be done about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Another command does it.
    Procedure,
    /// Nothing does it in a running cluster.
    Impossible,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterChange {
    pub field: String,
    pub class: Class,
    /// The values before and after.
    pub change: String,
    /// What holds the old value, or which command changes it.
    pub why: String,
}

use Class::{Impossible, Procedure};

/// The first row whose field a path starts with says what can be done.
const CLASSES: [(&str, Class, &str); 9] = [
    (
        "kubernetesVersion",
        Procedure,
        "an upgrade goes in an order of its own: run 'kubewright upgrade plan' on a control plane",
    ),
    ("apiServer.certSANs", Procedure, "run 'kubewright certs add-san NAME' on each control plane"),
    (
        "controlPlaneEndpoint",
        Impossible,
        "the kubeconfigs of all nodes, certificates and the ConfigMap cluster-info hold it; keep the old name as an alias of the new one",
    ),
    ("networking.podSubnet", Impossible, "the nodes and their Pods have addresses of it; use a new cluster"),
    ("networking.serviceSubnet", Impossible, "the Services have addresses of it; use a new cluster"),
    ("networking.dnsDomain", Impossible, "certificates and all running Pods hold it; use a new cluster"),
    ("clusterName", Impossible, "kubeconfigs hold it; nothing depends on it"),
    ("certificatesDir", Impossible, "the static Pods and certificates of all control planes are there"),
    (
        "",
        Procedure,
        "components that run are not changed by this command: change kube-system/kubeadm-config and the manifest on each control plane",
    ),
];

/// Values that the file may list in part: what it does not list differs too.
const WHOLE: [&str; 4] = ["extraArgs", "extraVolumes", "certSANs", "featureGates"];

/// The fields of the file that differ from the stored configuration.
pub(super) fn changes(file: &ClusterFile, stored: &str, findings: &mut Vec<Finding>) -> Vec<ClusterChange> {
    let Some(document) = file.document(Kind::Cluster) else { return Vec::new() };
    let (before, after) = match (resolved(stored, None), resolved(&document.root.to_json().to_string(), Some(stored))) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) => {
            findings.push(Finding::error(
                format!("the cluster's configuration cannot be read: {error}"),
                "run 'kubectl -n \
                kube-system get configmap kubeadm-config -o yaml' to see it",
            ));
            return Vec::new();
        }
        (_, Err(error)) => {
            findings.push(Finding::error(error.to_string(), "run 'kubewright config validate --config FILE'"));
            return Vec::new();
        }
    };
    let Ok(minor) = facts_of(&before.version) else { return Vec::new() };
    let json = |config: &ClusterConfig| encode::uploaded_cluster_configuration(config, minor, &Timeouts::default());
    differences(&json(&before), &json(&after))
        .into_iter()
        .filter(|difference| is_given(&document.root, &difference.path))
        .map(|difference| {
            let row = CLASSES.iter().find(|(field, ..)| difference.path.starts_with(field));
            let (class, why) = row.map_or((Procedure, ""), |(_, class, why)| (*class, *why));
            let shown = difference.to_string();
            let change = shown.split_once(": ").map_or(shown.as_str(), |(_, change)| change).to_owned();
            ClusterChange { field: difference.path, class, change, why: why.into() }
        })
        .collect()
}

/// Resolves a `ClusterConfiguration`. A version that it does not name is that of the cluster.
fn resolved(text: &str, stored: Option<&str>) -> Result<ClusterConfig, ConfigErrors> {
    let mut facts = Facts::placeholder(Random::system());
    if let Some(stored) = stored {
        facts.cluster_version = Some(resolved(stored, None)?.version);
    }
    Ok(parse("the ClusterConfiguration", text.as_bytes())?.cluster(&facts)?.config)
}

/// True if the file gives the field, and does not leave it to a default.
fn is_given(root: &Node, path: &str) -> bool {
    let mut node = root;
    for step in path.split(['.', '[']) {
        let Some(entry) = node.entry(step) else { return false };
        if WHOLE.contains(&step) {
            return true;
        }
        node = &entry.value;
        if !matches!(node.value, Value::Map(_)) {
            return true;
        }
    }
    true
}
