//! What the cluster stores, and the same with what the file gives.

use super::classes::{ClusterChange, Document, classified};
use crate::base::env::Random;
use crate::config::cluster::ClusterFile;
use crate::config::model::{ClusterConfig, Timeouts};
use crate::config::tree::{Entry, Node, Value as Tree};
use crate::config::{ConfigErrors, Facts, Kind, encode, parse};
use crate::fleet::review::Finding;
use crate::state::host_facts::ClusterFacts;
use crate::versions::facts_of;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Values that the file gives as a whole: what it does not list goes.
const WHOLE: [&str; 3] = ["extraArgs", "extraVolumes", "featureGates"];
/// The same of the kubelet: maps whose keys are not fields.
const WHOLE_OF_KUBELET: [&str; 7] = [
    "evictionHard",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "featureGates",
    "kubeReserved",
    "qosReserved",
    "systemReserved",
];
/// Values that are only added to.
const ADDED: &str = "certSANs";

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

/// What is to be changed in a cluster.
#[derive(Default)]
pub(super) struct Changing {
    /// The fields of the file that differ from what the cluster stores.
    pub changes: Vec<ClusterChange>,
    /// The whole configuration of static Pods and kubelets, with what the file gives; None if it cannot be made.
    pub documents: Option<String>,
}

/// Compares the file with what the cluster stores.
pub(super) fn changing(file: &ClusterFile, cluster: &ClusterFacts, findings: &mut Vec<Finding>) -> Changing {
    let Some(stored) = &cluster.configuration else { return Changing::default() };
    let wanted = match wanted(file, stored) {
        None => resolved(stored, None).ok().and_then(|config| encoded(&config)).map(|before| {
            let after = before.clone();
            Wanted { before, after }
        }),
        Some(Ok(wanted)) => Some(wanted),
        Some(Err(finding)) => {
            findings.push(finding);
            return Changing::default();
        }
    };
    let mut found = Changing::default();
    if let Some(Wanted { before, after }) = &wanted {
        found.changes.extend(classified(Document::Cluster, before, after));
    }
    let kubelet = component(file, Kind::Kubelet, cluster.kubelet.as_ref());
    if let Some(Wanted { before, after }) = &kubelet {
        found.changes.extend(classified(Document::Kubelet, before, after));
    }
    let proxy = wanted_proxy(file, cluster);
    let of_proxy = proxy.as_ref().map(|wanted| classified(Document::KubeProxy, &wanted.before, &wanted.after));
    let of_proxy = of_proxy.unwrap_or_default();
    // What a former version has stored is only checked where it changes.
    let proxy = proxy.filter(|_| !of_proxy.is_empty());
    found.changes.extend(of_proxy);
    if file.document(Kind::KubeProxy).is_some() && cluster.proxy.is_none() {
        findings.push(Finding::warning(
            "the cluster does not have kube-proxy, so the KubeProxyConfiguration of the file has no effect",
            "remove the document, or run 'kubewright init phase addon kube-proxy' on a control plane",
        ));
    }
    found.documents = wanted.map(|wanted| {
        let mut text = format!("---\n{}\n", wanted.after);
        for (kind, wanted) in [(Kind::Kubelet, kubelet), (Kind::KubeProxy, proxy)] {
            if let Some(Wanted { after: Value::Object(mut fields), .. }) = wanted {
                fields.insert("apiVersion".into(), kind.fixed_api().unwrap_or_default().into());
                fields.insert("kind".into(), kind.name().into());
                let _ = writeln!(text, "---\n{}", Value::Object(fields));
            }
        }
        text
    });
    found
}

/// kube-proxy's stored configuration, and the same with what the file gives.
pub fn wanted_proxy(file: &ClusterFile, cluster: &ClusterFacts) -> Option<Wanted> {
    component(file, Kind::KubeProxy, cluster.proxy.as_ref())
}

/// The stored configuration of a component, and the same with what the file gives; None if the file or the cluster has none.
fn component(file: &ClusterFile, kind: Kind, stored: Option<&Map<String, Value>>) -> Option<Wanted> {
    let (document, stored) = (file.document(kind)?, stored?);
    let before = Value::Object(stored.clone());
    let mut after = before.clone();
    let mut given = document.root.to_json();
    if let Some(fields) = given.as_object_mut() {
        fields.retain(|name, _| name != "apiVersion" && name != "kind");
    }
    merge(&given, &mut after);
    Some(Wanted { before, after })
}

/// Puts the given fields into a document.
fn merge(given: &Value, into: &mut Value) {
    let (Some(given), Some(into)) = (given.as_object(), into.as_object_mut()) else { return };
    for (name, value) in given {
        match into.get_mut(name) {
            Some(there) if there.is_object() && value.is_object() && !WHOLE_OF_KUBELET.contains(&name.as_str()) => {
                merge(value, there);
            }
            _ if value.is_null() => drop(into.shift_remove(name)),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

/// A configuration as the cluster stores it.
fn encoded(config: &ClusterConfig) -> Option<Value> {
    let minor = facts_of(&config.version).ok()?;
    Some(encode::uploaded_cluster_configuration(config, minor, &Timeouts::default()))
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
        if name == ADDED {
            let mut all = to.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            let new: Vec<Value> =
                given.as_array().into_iter().flatten().filter(|it| !all.contains(it)).cloned().collect();
            all.extend(new);
            to.insert(name.to_owned(), Value::Array(all));
        } else if matches!(value.value, Tree::Map(_)) && !WHOLE.contains(&name) {
            copy_given(value, given, to.entry(name).or_insert(Value::Null));
        } else if given.is_null() {
            to.remove(name);
        } else if !["apiVersion", "kind"].contains(&name) {
            to.insert(name.to_owned(), given.clone());
        }
    }
}
