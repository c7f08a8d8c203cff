//! The state of a Node object.

use serde_json::Value;

/// True for a node whose kubelet reports that it is ready for Pods.
pub fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
