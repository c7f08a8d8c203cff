//! The table of addons, and how a cluster records which of them are disabled.
//!
//! A cluster whose configuration API is v1beta4 records it in its ClusterConfiguration: `proxy.disabled` and
//! `dns.disabled`. Older API versions have no such field, and kubeadm of those minor versions does not record it. There
//! the ConfigMap `kube-system/kubeadm-config` has the annotation [`LEFT_OUT`] with the names of the addons. kubeadm
//! only changes the ConfigMap's data, so the annotation survives a `kubeadm upgrade`. When the cluster is upgraded to a
//! minor version with v1beta4, readers of the annotation set the fields, and the next upload drops it. Installing an
//! addon later removes it from both.

pub mod coredns;
pub mod kube_proxy;

use super::addon::Addon;
use crate::base::go_yaml;
use crate::config::model::ClusterConfig;
use crate::config::untrusted;
use crate::versions::{ApiVersion, Minor};
use serde_json::Value;

/// All addons in the order of their installation.
pub static ADDONS: [&Addon; 2] = [&coredns::ADDON, &kube_proxy::ADDON];

/// The addon of that name.
pub fn named(name: &str) -> Option<&'static Addon> {
    ADDONS.into_iter().find(|addon| addon.name == name)
}

/// Those that the cluster is not to have.
pub fn disabled(cluster: &ClusterConfig) -> Vec<&'static Addon> {
    ADDONS.into_iter().filter(|addon| (addon.is_disabled)(cluster)).collect()
}

/// The annotation with the comma-separated names of disabled addons.
pub const LEFT_OUT: &str = "kubewright/left-out-addons";

/// The annotation's value for a cluster without `left_out`; None if it is not needed.
pub fn annotation(minor: &Minor, left_out: &[&Addon]) -> Option<String> {
    let names: Vec<_> = ADDONS.iter().filter(|addon| left_out.contains(addon)).map(|addon| addon.name).collect();
    let remembered_by_the_api = minor.api_version >= ApiVersion::V1Beta4;
    (!remembered_by_the_api && !names.is_empty()).then(|| names.join(","))
}

/// The addons in the annotation of a kubeadm-config ConfigMap; unknown names are ignored.
pub fn left_out(kubeadm_config: &Value) -> Vec<&'static Addon> {
    let annotations = kubeadm_config.pointer("/metadata/annotations");
    let names = annotations.and_then(|a| a.get(LEFT_OUT)).and_then(Value::as_str).unwrap_or_default();
    let is_named = |addon: &&Addon| names.split(',').any(|name| name.trim() == addon.name);
    ADDONS.into_iter().filter(is_named).collect()
}

/// Records in a kubeadm-config ConfigMap that the addon is installed, unless it is recorded already.
pub fn set_installed(kubeadm_config: &mut Value, addon: &Addon) {
    let mut left = left_out(kubeadm_config);
    if left.contains(&addon) {
        left.retain(|other| *other != addon);
        let names: Vec<_> = left.iter().map(|addon| addon.name).collect();
        if let Some(annotations) = kubeadm_config["metadata"]["annotations"].as_object_mut() {
            match names.as_slice() {
                [] => annotations.remove(LEFT_OUT),
                names => annotations.insert(LEFT_OUT.into(), names.join(",").into()),
            };
        }
    }
    let Some(text) = kubeadm_config.pointer("/data/ClusterConfiguration").and_then(Value::as_str) else { return };
    let Ok(mut document) = untrusted::value(text.as_bytes()) else { return };
    if document[addon.field]["disabled"] == true
        && let Some(fields) = document[addon.field].as_object_mut()
    {
        fields.remove("disabled");
        kubeadm_config["data"]["ClusterConfiguration"] = go_yaml::to_string(&document).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::facts;
    use serde_json::json;

    #[test]
    fn only_minors_without_a_field_need_the_annotation() {
        let both = [&kube_proxy::ADDON, &coredns::ADDON];
        assert_eq!(annotation(facts(20).unwrap(), &both).unwrap(), "coredns,kube-proxy");
        assert_eq!(annotation(facts(20).unwrap(), &[]), None);
        assert_eq!(annotation(facts(36).unwrap(), &both), None);
    }

    #[test]
    fn a_written_annotation_is_read_back() {
        let config = |value: &str| json!({"metadata": {"annotations": {LEFT_OUT: value}}});
        assert_eq!(left_out(&config("coredns,kube-proxy")), ADDONS);
        assert_eq!(left_out(&config("kube-proxy, else")), [&kube_proxy::ADDON]);
        assert_eq!(left_out(&json!({"metadata": {}})), [] as [&Addon; 0]);
    }

    #[test]
    fn an_addon_that_is_installed_later_is_no_longer_recorded_as_disabled() {
        let config = |annotations: Value, document: &str| json!({"metadata": {"annotations": annotations}, "data": {"ClusterConfiguration": document}});
        let mut map = config(json!({LEFT_OUT: "coredns,kube-proxy", "a": "b"}), "dns: {}\n");
        set_installed(&mut map, &coredns::ADDON);
        assert_eq!(map, config(json!({LEFT_OUT: "kube-proxy", "a": "b"}), "dns: {}\n"));
        set_installed(&mut map, &kube_proxy::ADDON);
        assert_eq!(map, config(json!({"a": "b"}), "dns: {}\n"));

        let mut map = config(json!({}), "dns:\n  disabled: true\n  imageTag: v1\nproxy:\n  disabled: true\n");
        set_installed(&mut map, &coredns::ADDON);
        assert_eq!(map, config(json!({}), "dns:\n  imageTag: v1\nproxy:\n  disabled: true\n"));
        set_installed(&mut map, &kube_proxy::ADDON);
        assert_eq!(map, config(json!({}), "dns:\n  imageTag: v1\nproxy: {}\n"));
        let before = map.clone();
        set_installed(&mut map, &coredns::ADDON);
        assert_eq!(map, before);
    }
}
