//! Phase `upload-config`: the configuration of the cluster and the kubelets, for joining nodes and upgrades.

use super::addon::Addon;
use super::addons;
use super::checksum;
use super::config_map::ConfigMap;
use super::rbac::{self, BOOTSTRAPPERS, NODES, Readable};
use super::{Object, ObjectError};
use crate::base::go_yaml;
use crate::config::model::{ApiEndpoint, ClusterConfig};
use crate::versions::Minor;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const NAMESPACE: &str = "kube-system";
const KUBEADM_CONFIG: &str = "kubeadm-config";
/// The feature gate that selects the kubelet ConfigMap's name in the minor versions in between.
const UNVERSIONED: &str = "UnversionedKubeletConfigMap";

/// `upload-config/kubeadm`: the ConfigMap `kubeadm-config` and the permission to read it.
///
/// `cluster_configuration` is the document as written by that minor version; `cluster_status` exists in minor versions
/// with `cluster_status` in the table. `left_out` is recorded in an annotation if the document has no field for it.
pub fn kubeadm_config(
    minor: &Minor,
    cluster_configuration: &str,
    cluster_status: Option<&str>,
    left_out: &[&Addon],
) -> Result<Vec<Object>, ObjectError> {
    let mut map = ConfigMap::with_text(NAMESPACE, KUBEADM_CONFIG, "ClusterConfiguration", cluster_configuration);
    if let Some(status) = cluster_status {
        map.data.insert("ClusterStatus".into(), status.into());
    }
    if let Some(names) = addons::annotation(minor, left_out) {
        map.annotations.insert(addons::LEFT_OUT.into(), names.into());
    }
    let mut objects = map.render()?;
    let readable = Readable { namespace: NAMESPACE, resource: "configmaps", name: KUBEADM_CONFIG };
    objects.extend(rbac::reader("kubeadm:nodes-kubeadm-config", &readable, &[BOOTSTRAPPERS, NODES])?);
    Ok(objects)
}

/// The `ClusterStatus` document: the API endpoint of each control plane by node name. None in minor versions that keep
/// it in an annotation of the API server Pods.
pub fn cluster_status(minor: &Minor, endpoints: &BTreeMap<String, ApiEndpoint>) -> Option<String> {
    let endpoints: Map<String, Value> = endpoints
        .iter()
        .map(|(node, at)| (node.clone(), json!({"advertiseAddress": at.advertise_address, "bindPort": at.bind_port})))
        .collect();
    let document = json!({
        "apiVersion": minor.api_version.to_string(),
        "kind": "ClusterStatus",
        "apiEndpoints": endpoints,
    });
    minor.cluster_status.then(|| go_yaml::to_string(&document))
}

/// `upload-config/kubelet`: the ConfigMap with the kubelet configuration and the permission to read it.
///
/// `text` is the KubeletConfiguration as written by that minor version. It gets a hash unless the user provided one.
pub fn kubelet_config(minor: &Minor, cluster: &ClusterConfig, text: &str) -> Result<Vec<Object>, ObjectError> {
    let name = kubelet_config_map(minor, &cluster.feature_gates);
    let mut objects = ConfigMap::with_text(NAMESPACE, &name, "kubelet", text).render()?;
    if cluster.kubelet.is_empty() {
        objects = objects.into_iter().map(checksum::sign).collect();
    }
    let readable = Readable { namespace: NAMESPACE, resource: "configmaps", name: &name };
    objects.extend(rbac::reader(&format!("kubeadm:{name}"), &readable, &[NODES, BOOTSTRAPPERS])?);
    Ok(objects)
}

/// The name of the kubelet ConfigMap: `kubelet-config`, or `kubelet-config-1.X` in older minor versions. In between, a
/// feature gate decides.
pub fn kubelet_config_map(minor: &Minor, feature_gates: &BTreeMap<String, bool>) -> String {
    let asked = feature_gates.get(UNVERSIONED).copied();
    let has_minor = match minor.feature_gate(UNVERSIONED) {
        Some(_) => !minor.feature_enabled(UNVERSIONED, asked),
        None => minor.kubelet_config_has_minor,
    };
    if has_minor { format!("kubelet-config-1.{}", minor.minor) } else { "kubelet-config".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::facts;

    #[test]
    fn only_old_minors_keep_a_status() {
        let endpoint = ApiEndpoint { advertise_address: "10.0.0.4".parse().unwrap(), bind_port: 6443 };
        let endpoints = BTreeMap::from([("cp-a".to_owned(), endpoint)]);
        assert_eq!(
            cluster_status(facts(20).unwrap(), &endpoints).unwrap(),
            "\
apiEndpoints:
  cp-a:
    advertiseAddress: 10.0.0.4
    bindPort: 6443
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterStatus
"
        );
        assert_eq!(cluster_status(facts(36).unwrap(), &endpoints), None);
    }

    #[test]
    fn disabled_addons_are_recorded() {
        let objects = kubeadm_config(facts(20).unwrap(), "x: 1\n", None, &[&addons::kube_proxy::ADDON]).unwrap();
        assert_eq!(addons::left_out(&objects[0].value), [&addons::kube_proxy::ADDON]);
        assert_eq!(objects[0].value["data"], json!({"ClusterConfiguration": "x: 1\n"}));
    }
}
