//! The role and the state of a Node object.

use serde_json::Value;

/// The labels of control planes, also the keys of their taints; the second one until v1.23.
pub const CONTROL_PLANE: [&str; 2] = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// True for a node with the label of a control plane.
pub fn is_control_plane(node: &Value) -> bool {
    CONTROL_PLANE.iter().any(|label| node["metadata"]["labels"].get(label).is_some())
}

/// True for a node whose kubelet reports that it is ready for Pods.
pub fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
