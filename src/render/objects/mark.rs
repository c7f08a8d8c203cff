//! Patches for this host's Node: control-plane labels and taints, and the CRI socket in older minor versions.
//!
//! Each is a strategic merge patch with only what is missing; None if nothing is.

use crate::config::model::ClusterConfig;
use crate::versions::Minor;
use serde_json::{Map, Value, json};

/// The annotation with the CRI socket, as named by kubeadm.
const CRI_SOCKET: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

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
}
