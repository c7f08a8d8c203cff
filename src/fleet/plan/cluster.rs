//! Fields of the cluster's configuration that differ from the file's, and what can be done about each.

use crate::base::env::Random;
use crate::config::cluster::ClusterFile;
use crate::config::difference::{Difference, differences};
use crate::config::model::{ClusterConfig, Timeouts};
use crate::config::tree::{Entry, Node, Value as Tree};
use crate::config::{ConfigErrors, Facts, Kind, encode, parse};
use crate::fleet::review::Finding;
use crate::versions::facts_of;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// The cluster's configuration as it is stored, and as it would be with what the file gives.
pub struct Wanted {
    pub before: Value,
    pub after: Value,
}

/// Merges what the file gives into the stored configuration; None if the file has no `ClusterConfiguration`.
pub fn wanted(file: &ClusterFile, stored: &str) -> Option<Result<Wanted, Finding>> {
    let document = file.document(Kind::Cluster)?;
    let given = resolved(&document.root.to_json().to_string(), Some(stored));
    let (before, given) = match (resolved(stored, None), given) {
        (Ok(before), Ok(given)) => (before, given),
        (Err(error), _) => {
            return Some(Err(Finding::error(
                format!("the cluster's configuration cannot be read: {error}"),
                "run 'kubectl -n kube-system get configmap kubeadm-config -o yaml' to see it",
            )));
        }
        (_, Err(error)) => {
            return Some(Err(Finding::error(error.to_string(), "run 'kubewright config validate --config FILE'")));
        }
    };
    let minor = facts_of(&before.version).ok()?;
    let json = |config: &ClusterConfig| encode::uploaded_cluster_configuration(config, minor, &Timeouts::default());
    let before = json(&before);
    let mut after = before.clone();
    copy_given(&document.root, &json(&given), &mut after);
    Some(Ok(Wanted { before, after }))
}

/// The fields of the file that differ from the stored configuration.
pub(super) fn changes(file: &ClusterFile, stored: &str, findings: &mut Vec<Finding>) -> Vec<ClusterChange> {
    let Wanted { before, after } = match wanted(file, stored) {
        None => return Vec::new(),
        Some(Ok(wanted)) => wanted,
        Some(Err(finding)) => {
            findings.push(finding);
            return Vec::new();
        }
    };
    let change = |difference: Difference| {
        let row = CLASSES.iter().find(|(field, ..)| difference.path.starts_with(field));
        let (class, why) = row.map_or((Procedure, ""), |(_, class, why)| (*class, *why));
        let shown = difference.to_string();
        let change = shown.split_once(": ").map_or(shown.as_str(), |(_, change)| change).to_owned();
        ClusterChange { field: difference.path, class, change, why: why.into() }
    };
    differences(&before, &after).into_iter().map(change).collect()
}

/// Resolves a `ClusterConfiguration`. A version that it does not name is that of the cluster.
fn resolved(text: &str, stored: Option<&str>) -> Result<ClusterConfig, ConfigErrors> {
    let mut facts = Facts::placeholder(Random::system());
    if let Some(stored) = stored {
        facts.cluster_version = Some(resolved(stored, None)?.version);
    }
    Ok(parse("the ClusterConfiguration", text.as_bytes())?.cluster(&facts)?.config)
}

/// Copies the fields that a document gives, and leaves those alone that it leaves to a default.
fn copy_given(document: &Node, from: &Value, to: &mut Value) {
    if to.is_null() {
        *to = Value::Object(Map::new());
    }
    let Some(to) = to.as_object_mut() else { return };
    for Entry { key, value, .. } in document.entries() {
        let name = key.as_str();
        let given = from.get(name).unwrap_or(&Value::Null);
        if matches!(value.value, Tree::Map(_)) && !WHOLE.contains(&name) {
            copy_given(value, given, to.entry(name).or_insert(Value::Null));
        } else if given.is_null() {
            to.remove(name);
        } else if !["apiVersion", "kind"].contains(&name) {
            to.insert(name.to_owned(), given.clone());
        }
    }
}
