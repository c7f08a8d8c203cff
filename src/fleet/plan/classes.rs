//! What can be done about each field of the documents that a cluster stores, while it runs: one table.

use crate::config::ClusterConfig;
use crate::config::difference::{Difference, differences};
use crate::config::encode;
use crate::config::model::Timeouts;
use crate::versions::upgrade_policy::hops;
use crate::versions::{Version, facts_of};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What can be done about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// `apply` changes it, one host after the other.
    InPlace,
    /// `apply` has it done by a command of its own.
    Procedure,
    /// `apply` refuses it and names the commands that do it.
    Command,
    /// Nothing does it in a running cluster.
    Impossible,
}

use Class::{Command, Impossible, InPlace, Procedure};

impl Class {
    /// True if nothing is applied while a field of this class differs.
    pub fn is_refused(self) -> bool {
        matches!(self, Command | Impossible)
    }
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterChange {
    pub field: String,
    pub class: Class,
    /// The values before and after.
    pub change: String,
    /// How it is done, what holds the old value, or which commands change it.
    pub why: String,
}

/// A document with fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    Cluster,
    Kubelet,
    KubeProxy,
}

impl Document {
    /// What the paths of its fields begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Cluster => "",
            Self::Kubelet => "KubeletConfiguration.",
            Self::KubeProxy => "KubeProxyConfiguration.",
        }
    }

    /// The document of a field in a [`ClusterChange`].
    pub(super) fn of_field(field: &str) -> Self {
        [Self::Kubelet, Self::KubeProxy]
            .into_iter()
            .find(|document| field.starts_with(document.prefix()))
            .unwrap_or(Self::Cluster)
    }
}

/// The field of the version, which decides by its values.
pub(super) const VERSION: &str = "kubernetesVersion";
const REPLACED: &str = "the static Pod is replaced, on one control plane after the other";
const NEW_CLUSTER_NETWORK: &str = "the nodes and their Pods have addresses of it; use a new cluster";
const OF_SUBNETS: &str = "it follows networking in the ClusterConfiguration, which the running Pods and Services hold";
const OF_MEMBERS: &str = "the members of etcd hold it; to change it, remove each control plane and let it join again";
const BY_HAND: &str =
    "change it in the ConfigMap kube-system/kubeadm-config, then run 'kubewright host change' on each control plane";
const STATE_FILE: &str = "the kubelet does not start with the state of the other policy: drain each node, stop its kubelet, change its \
                          configuration, remove the state file below /var/lib/kubelet, start it, uncordon the node";

const PROXY_BY_HAND: &str = "run 'kubectl -n kube-system edit configmap kube-proxy', then 'kubectl -n kube-system rollout restart daemonset kube-proxy'";

/// The first row whose field a path is, or is below, decides. A document's last row, without a field, is for all others.
const CLASSES: &[(Document, &str, Class, &str)] = &[
    (
        Document::Cluster,
        VERSION,
        Procedure,
        "'upgrade apply {}' on one control plane, 'upgrade node' on the others, then '--finish' on one node after the other",
    ),
    (
        Document::Cluster,
        "apiServer.certSANs",
        Procedure,
        "'certs add-san' on one control plane after the other; names that the file does not list stay",
    ),
    (
        Document::Cluster,
        "controlPlaneEndpoint",
        Impossible,
        "the kubeconfigs of all nodes, certificates and the ConfigMap cluster-info hold it; keep the old name as an alias of the new one",
    ),
    (Document::Cluster, "networking.podSubnet", Impossible, NEW_CLUSTER_NETWORK),
    (Document::Cluster, "networking.serviceSubnet", Impossible, "the Services have addresses of it; use a new cluster"),
    (
        Document::Cluster,
        "networking.dnsDomain",
        Impossible,
        "certificates and all running Pods hold it; use a new cluster",
    ),
    (Document::Cluster, "clusterName", Impossible, "kubeconfigs hold it; nothing depends on it"),
    (
        Document::Cluster,
        "certificatesDir",
        Impossible,
        "the static Pods and certificates of all control planes are there",
    ),
    (
        Document::Cluster,
        "etcd.local.dataDir",
        Impossible,
        "the data of the members are there; to move them, remove each control plane and let it join again",
    ),
    (Document::Cluster, "etcd.local.serverCertSANs", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.peerCertSANs", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.extraArgs.data-dir", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.extraArgs.name", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.extraArgs.initial-cluster", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.extraArgs.initial-advertise-peer-urls", Impossible, OF_MEMBERS),
    (Document::Cluster, "etcd.local.extraArgs", InPlace, REPLACED),
    (Document::Cluster, "etcd.local.extraEnvs", InPlace, REPLACED),
    (
        Document::Cluster,
        "etcd.local.imageTag",
        Command,
        "the version of etcd changes with an upgrade: run 'kubewright upgrade plan' on a control plane",
    ),
    (
        Document::Cluster,
        "etcd.external",
        Impossible,
        "the data of the cluster are in the etcd that it uses; use a new cluster, or restore a snapshot there",
    ),
    (Document::Cluster, "apiServer.extraArgs.service-cluster-ip-range", Impossible, OF_SUBNETS),
    (
        Document::Cluster,
        "apiServer.extraArgs.etcd-servers",
        Impossible,
        "the data of the cluster are in the etcd that it uses",
    ),
    (
        Document::Cluster,
        "apiServer.extraArgs.service-account-issuer",
        Command,
        "the tokens of running Pods name the old one: write both into the ConfigMap kube-system/kubeadm-config, the new one first, \
         then run 'kubewright host change' on each control plane",
    ),
    (Document::Cluster, "controllerManager.extraArgs.cluster-cidr", Impossible, OF_SUBNETS),
    (Document::Cluster, "controllerManager.extraArgs.service-cluster-ip-range", Impossible, OF_SUBNETS),
    (
        Document::Cluster,
        "controllerManager.extraArgs.node-cidr-mask-size",
        Impossible,
        "the nodes have subnets of this size; use a new cluster",
    ),
    (Document::Cluster, "apiServer.extraArgs", InPlace, REPLACED),
    (Document::Cluster, "apiServer.extraVolumes", InPlace, REPLACED),
    (Document::Cluster, "apiServer.extraEnvs", InPlace, REPLACED),
    (Document::Cluster, "apiServer.timeoutForControlPlane", InPlace, "it is stored, for later commands"),
    (Document::Cluster, "controllerManager.extraArgs", InPlace, REPLACED),
    (Document::Cluster, "controllerManager.extraVolumes", InPlace, REPLACED),
    (Document::Cluster, "controllerManager.extraEnvs", InPlace, REPLACED),
    (Document::Cluster, "scheduler.extraArgs", InPlace, REPLACED),
    (Document::Cluster, "scheduler.extraVolumes", InPlace, REPLACED),
    (Document::Cluster, "scheduler.extraEnvs", InPlace, REPLACED),
    (Document::Cluster, "certificateValidityPeriod", InPlace, "it is stored, for certificates that are issued later"),
    (Document::Cluster, "", Command, BY_HAND),
    (
        Document::Kubelet,
        "clusterDomain",
        Impossible,
        "it follows networking.dnsDomain, which certificates and all running Pods hold; use a new cluster",
    ),
    (
        Document::Kubelet,
        "clusterDNS",
        InPlace,
        "the kubelet is restarted, on one host after the other; Pods keep the old one until they are replaced",
    ),
    (
        Document::Kubelet,
        "cgroupDriver",
        Command,
        "it changes together with the container runtime's: drain each node, change both, restart both, uncordon it",
    ),
    (Document::Kubelet, "staticPodPath", Impossible, "the manifests of the control planes are there"),
    (
        Document::Kubelet,
        "containerRuntimeEndpoint",
        Impossible,
        "each host has its own; set nodeRegistration.criSocket before it joins",
    ),
    (Document::Kubelet, "cpuManagerPolicy", Command, STATE_FILE),
    (Document::Kubelet, "memoryManagerPolicy", Command, STATE_FILE),
    (Document::Kubelet, "", InPlace, "the kubelet is restarted, on one host after the other; Pods go on running"),
    (Document::KubeProxy, "clusterCIDR", Impossible, OF_SUBNETS),
    (
        Document::KubeProxy,
        "mode",
        Command,
        "the rules of the former mode stay on each host, and the new one may need kernel modules: change it in the ConfigMap \
         kube-system/kube-proxy, run 'kubectl -n kube-system rollout restart daemonset kube-proxy', and restart one host after the other",
    ),
    (Document::KubeProxy, "clientConnection", Command, PROXY_BY_HAND),
    (Document::KubeProxy, "hostnameOverride", Impossible, "all nodes have the same configuration; remove the field"),
    (
        Document::KubeProxy,
        "",
        InPlace,
        "it is stored, and kube-proxy is restarted, on one node after the other; the rules in the kernel stay meanwhile",
    ),
];

/// The row of a field.
fn class(document: Document, path: &str) -> (Class, &'static str) {
    let is_below = |field: &str| {
        field.is_empty()
            || path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+', '-']))
    };
    let row = CLASSES.iter().find(|(of, field, ..)| *of == document && is_below(field));
    // The table has a last row for each document.
    row.map_or((Command, BY_HAND), |(_, _, class, why)| (*class, *why))
}

/// A cluster goes to newer versions only, and skips no minor version.
fn class_of_versions(from: &str, wanted: &str, class: Class, why: &str) -> (Class, String) {
    let parse = |text: &str| text.trim_matches('"').parse::<Version>().ok();
    let (Some(from), Some(wanted)) = (parse(from), parse(wanted)) else { return (class, why.to_owned()) };
    if wanted < from {
        let why = format!("the cluster is not taken back to an older version; write {from} into the file");
        return (Impossible, why);
    }
    match hops(&from, &wanted).as_slice() {
        [first, _, ..] => (
            Command,
            format!("one minor version at a time: write {first} into the file, apply it, and then the next one"),
        ),
        _ => (class, why.to_owned()),
    }
}

/// The fields that differ, with what can be done about each.
pub(super) fn classified(document: Document, before: &Value, after: &Value) -> Vec<ClusterChange> {
    let change = |difference: Difference| {
        let (class, why) = class(document, &difference.path);
        let shown = difference.to_string();
        let change = shown.split_once(": ").map_or(shown.as_str(), |(_, change)| change).to_owned();
        let (from, wanted) = change.split_once(" -> ").unwrap_or_default();
        let (class, why) = match (document, difference.path.as_str()) {
            (Document::Cluster, VERSION) => class_of_versions(from, wanted, class, why),
            _ => (class, why.to_owned()),
        };
        let why = why.replace("{}", wanted);
        ClusterChange { field: format!("{}{}", document.prefix(), difference.path), class, change, why }
    };
    differences(before, after).into_iter().map(change).collect()
}

/// The fields of a `ClusterConfiguration` that differ.
pub fn classified_cluster(before: &ClusterConfig, after: &ClusterConfig) -> Vec<ClusterChange> {
    let Ok(minor) = facts_of(&before.version) else { return Vec::new() };
    let json = |config: &ClusterConfig| encode::uploaded_cluster_configuration(config, minor, &Timeouts::default());
    classified(Document::Cluster, &json(before), &json(after))
}

/// The fields of a `KubeletConfiguration` that differ.
pub fn classified_kubelet(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<ClusterChange> {
    classified(Document::Kubelet, &Value::Object(before.clone()), &Value::Object(after.clone()))
}

/// The fields of a `KubeProxyConfiguration` that differ.
pub fn classified_proxy(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<ClusterChange> {
    classified(Document::KubeProxy, &Value::Object(before.clone()), &Value::Object(after.clone()))
}

/// The first one that is not done.
pub fn refused<'a>(mut changes: impl Iterator<Item = &'a ClusterChange>) -> Option<&'a ClusterChange> {
    changes.find(|change| change.class.is_refused())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Document::{Cluster, KubeProxy, Kubelet};

    #[test]
    fn every_document_has_one_row_for_all_other_fields_and_it_is_the_last() {
        for document in [Cluster, Kubelet, KubeProxy] {
            let rows: Vec<&str> = CLASSES.iter().filter(|row| row.0 == document).map(|row| row.1).collect();
            assert_eq!(rows.iter().position(|field| field.is_empty()), Some(rows.len() - 1), "{document:?}");
        }
    }

    /// A row behind one that covers it would never decide.
    #[test]
    fn no_row_hides_a_later_one() {
        for (at, (document, field, own, _)) in CLASSES.iter().enumerate().filter(|(_, row)| !row.1.is_empty()) {
            let (found, why) = class(*document, field);
            assert_eq!((found, why), (*own, CLASSES[at].3), "{field}");
        }
    }

    #[test]
    fn a_field_that_no_row_names_is_refused() {
        assert_eq!(class(Cluster, "imageRepository").0, Command);
        assert_eq!(class(Cluster, "aFieldOfTomorrow.x").0, Command);
        assert_eq!(class(Cluster, "apiServer.extraArgsOfTomorrow").0, Command, "another field, not one below");
        assert_eq!(class(KubeProxy, "mode").0, Command);
        assert_eq!(
            (class(KubeProxy, "conntrack.maxPerCore").0, class(KubeProxy, "clusterCIDR").0),
            (InPlace, Impossible)
        );
    }

    #[test]
    fn what_running_pods_or_data_hold_is_impossible_also_as_an_argument() {
        for field in ["networking.podSubnet", "apiServer.extraArgs.etcd-servers", "etcd.external.endpoints"] {
            assert_eq!(class(Cluster, field).0, Impossible, "{field}");
        }
        assert_eq!(class(Cluster, "controllerManager.extraArgs.node-cidr-mask-size-ipv6").0, Impossible);
        assert_eq!(class(Cluster, "controllerManager.extraArgs.v").0, InPlace);
        assert_eq!((class(Kubelet, "clusterDomain").0, class(Kubelet, "maxPods").0), (Impossible, InPlace));
    }
}
