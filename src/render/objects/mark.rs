//! Patches for this host's Node: control-plane labels and taints, and the CRI socket in older minor versions.
//!
//! Each is a strategic merge patch with only what is missing; None if nothing is.

use crate::config::model::ClusterConfig;
use crate::versions::Minor;
use serde_json::{Map, Value, json};

/// The annotation with the CRI socket, as named by kubeadm.
const CRI_SOCKET: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// The label and the taint of control planes in older minor versions.
const OLD_ROLE: &str = "node-role.kubernetes.io/master";

/// Phase `mark-control-plane`: the labels and taints that `node` lacks. `taints` replace those of the minor version;
/// other taints are kept.
pub fn control_plane_patch(minor: &Minor, node: &Value, taints: Option<&[Value]>) -> Option<Value> {
    let labels = node.pointer("/metadata/labels");
    let missing: Map<String, Value> = minor
        .control_plane_labels
        .iter()
        .filter(|label| labels.and_then(|l| l.get(**label)) != Some(&Value::from("")))
        .map(|label| ((*label).to_owned(), Value::from("")))
        .collect();
    let existing = node.pointer("/spec/taints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let wanted = merge_taints(&taints.map_or_else(|| default_taints(minor), <[Value]>::to_vec), existing);

    let mut patch = Map::new();
    if !missing.is_empty() {
        patch.insert("metadata".into(), json!({ "labels": missing }));
    }
    if wanted.iter().any(|taint| !existing.contains(taint)) {
        patch.insert("spec".into(), json!({ "taints": wanted }));
    }
    (!patch.is_empty()).then(|| patch.into())
}

/// The last step of `upload-config/kubelet`: records the CRI socket on `node`, in minor versions where the kubelet does
/// not have it in a file.
pub fn cri_socket_patch(minor: &Minor, cluster: &ClusterConfig, node: &Value, socket: &str) -> Option<Value> {
    let gate = "NodeLocalCRISocket";
    let is_local = match minor.feature_gate(gate) {
        Some(_) => minor.feature_enabled(gate, cluster.feature_gates.get(gate).copied()),
        None => minor.kubelet_instance_config,
    };
    let noted = node.pointer("/metadata/annotations").and_then(|a| a.get(CRI_SOCKET)).and_then(Value::as_str);
    (!is_local && noted != Some(socket)).then(|| json!({"metadata": {"annotations": {CRI_SOCKET: socket}}}))
}

/// The end of an upgrade of a control plane: labels that the minor version adds, and the label and the taint `master`, which it
/// replaces. A node that the user has untainted stays so. None if nothing changes.
pub fn upgraded_control_plane_patch(minor: &Minor, node: &Value) -> Option<Value> {
    let labels = node.pointer("/metadata/labels");
    let has = |label: &str| labels.is_some_and(|labels| labels.get(label).is_some());
    let mut changed = Map::new();
    for label in minor.control_plane_labels.iter().filter(|label| !has(label)) {
        changed.insert((*label).to_owned(), Value::from(""));
    }
    if !minor.control_plane_labels.contains(&OLD_ROLE) && has(OLD_ROLE) {
        changed.insert(OLD_ROLE.to_owned(), Value::Null);
    }
    let there = node.pointer("/spec/taints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_old = |taint: &Value| taint["key"] == OLD_ROLE && taint["effect"] == "NoSchedule";
    let mut taints = there.to_vec();
    if there.iter().any(is_old) {
        let wanted = default_taints(minor);
        taints.retain(|taint| !is_old(taint) || wanted.iter().any(is_old));
        taints = merge_taints(&wanted, &taints);
    }
    let mut patch = Map::new();
    if !changed.is_empty() {
        patch.insert("metadata".into(), json!({ "labels": changed }));
    }
    if taints.len() != there.len() || taints.iter().any(|taint| !there.contains(taint)) {
        patch.insert("spec".into(), json!({ "taints": taints }));
    }
    (!patch.is_empty()).then(|| patch.into())
}

/// The annotation with the CRI socket, if `node` has it and the kubelets of the minor version have the socket in a file.
pub fn without_cri_socket_patch(minor: &Minor, node: &Value) -> Option<Value> {
    let has_it = node.pointer("/metadata/annotations").is_some_and(|all| all.get(CRI_SOCKET).is_some());
    (minor.kubelet_instance_config && has_it).then(|| json!({"metadata": {"annotations": {CRI_SOCKET: null}}}))
}

/// The control-plane taints of the minor version.
pub fn default_taints(minor: &Minor) -> Vec<Value> {
    minor.control_plane_taints.iter().map(|key| json!({"key": key, "effect": "NoSchedule"})).collect()
}

/// Ours, then the others. A Node can have only one taint per key and effect, so ours replace existing ones.
fn merge_taints(ours: &[Value], existing: &[Value]) -> Vec<Value> {
    let identity = |taint: &Value| (taint.get("key").cloned(), taint.get("effect").cloned());
    let others = existing.iter().filter(|theirs| !ours.iter().any(|taint| identity(taint) == identity(theirs)));
    ours.iter().chain(others).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::facts;

    #[test]
    fn a_new_node_gets_the_labels_and_taints_of_its_minor() {
        assert_eq!(
            control_plane_patch(facts(20).unwrap(), &json!({"metadata": {}}), None).unwrap(),
            json!({
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/master": ""}},
                "spec": {"taints": [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]},
            })
        );
    }

    #[test]
    fn other_taints_are_kept_and_ours_take_precedence() {
        let minor = facts(36).unwrap();
        let disk = json!({"key": "example.com/disk", "effect": "NoExecute", "timeAdded": "2021-01-13T00:00:00Z"});
        let stale = json!({"key": "node-role.kubernetes.io/control-plane", "value": "x", "effect": "NoSchedule"});
        let node = json!({"metadata": {}, "spec": {"taints": [stale, disk]}});
        let patch = control_plane_patch(minor, &node, None).unwrap();
        let ours = json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"});
        assert_eq!(patch["spec"]["taints"], json!([ours, disk]));
    }

    #[test]
    fn a_marked_node_needs_no_patch() {
        let minor = facts(36).unwrap();
        let mut node = json!({"metadata": {"labels": {"kubernetes.io/os": "linux"}}, "spec": {}});
        let patch = control_plane_patch(minor, &node, None).unwrap();
        node["metadata"]["labels"] = patch["metadata"]["labels"].clone();
        node["spec"]["taints"] = patch["spec"]["taints"].clone();
        assert_eq!(control_plane_patch(minor, &node, None), None);
        // No requested taints does not remove any.
        assert_eq!(control_plane_patch(minor, &node, Some(&[])), None);
    }

    fn node(labels: &Value, taints: &Value) -> Value {
        json!({"metadata": {"labels": labels}, "spec": {"taints": taints}})
    }

    #[test]
    fn the_old_role_is_replaced_where_the_minor_version_does_so() {
        let old = node(
            &json!({OLD_ROLE: ""}),
            &json!([{"key": OLD_ROLE, "effect": "NoSchedule"}, {"key": "own", "effect": "NoExecute"}]),
        );
        let patch = upgraded_control_plane_patch(facts(25).unwrap(), &old).unwrap();
        assert_eq!(patch["metadata"]["labels"][OLD_ROLE], Value::Null);
        assert_eq!(patch["metadata"]["labels"]["node-role.kubernetes.io/control-plane"], "");
        let keys: Vec<&str> =
            patch["spec"]["taints"].as_array().unwrap().iter().map(|taint| taint["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["node-role.kubernetes.io/control-plane", "own"]);
    }

    /// kubeadm v1.24.0 tainted control planes that their users had untainted.
    #[test]
    fn a_control_plane_without_taints_stays_so() {
        let free = node(&json!({OLD_ROLE: ""}), &json!([]));
        for minor in [24, 25, 36] {
            let patch = upgraded_control_plane_patch(facts(minor).unwrap(), &free).unwrap();
            assert!(patch.get("spec").is_none(), "{minor}: {patch}");
        }
    }

    #[test]
    fn a_patch_release_changes_no_node() {
        let minor = facts(20).unwrap();
        let labels: Map<String, Value> =
            minor.control_plane_labels.iter().map(|label| ((*label).to_owned(), json!(""))).collect();
        let there = node(&Value::Object(labels), &Value::Array(default_taints(minor)));
        assert_eq!(upgraded_control_plane_patch(minor, &there), None);
        assert_eq!(without_cri_socket_patch(minor, &json!({"metadata": {"annotations": {CRI_SOCKET: "x"}}})), None);
    }
}
