//! Sets the labels and taints of a node that a file lists, and removes those that left it.
//!
//! Reads: the node. Writes: its labels, its taints and the annotation with those that came from a file.

use crate::base::fault::Result;
use crate::base::files::Written;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{NODE, ObjectRef};
use crate::state::host_facts::labels::{Wanted, difference};
use crate::state::host_facts::{MANAGED, node};
use serde_json::{Value, json};

/// Brings a node into the wanted state.
pub fn set(cluster: &Cluster, wanted: &Wanted) -> Result<Written> {
    Ok(cluster.modify(&ObjectRef::global(&NODE, &wanted.name), |object| edit(object, wanted))?)
}

fn edit(object: &mut Value, wanted: &Wanted) {
    let difference = difference(&node(object), wanted);
    if difference.is_empty() {
        return;
    }
    for field in ["labels", "annotations"] {
        if object["metadata"][field].is_null() {
            object["metadata"][field] = json!({});
        }
    }
    if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
        labels.retain(|key, _| !difference.remove_labels.contains(key));
        labels.extend(difference.set_labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    }
    if let Some(managed) = &difference.managed {
        object["metadata"]["annotations"][MANAGED] = json!(json!(managed).to_string());
    }
    let mut taints: Vec<Value> = object["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let is_replaced = |taint: &Value| {
        let key = taint["key"].as_str().unwrap_or_default();
        difference.remove_taints.contains(key)
            || difference.set_taints.iter().any(|new| new.key == key && taint["effect"] == *new.effect)
    };
    taints.retain(|taint| !is_replaced(taint));
    taints.extend(difference.set_taints.iter().map(crate::config::cluster::Taint::to_json));
    if !taints.is_empty() || !object["spec"]["taints"].is_null() {
        object["spec"]["taints"] = json!(taints);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::kube::test_api::TestApi;

    #[test]
    fn labels_and_taints_come_and_go_with_the_file() {
        let api = TestApi::default();
        let path = "/api/v1/nodes/n1";
        let taint = json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoExecute" });
        api.put(
            path,
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {"taints": [taint]}}),
        );
        let cluster = api.cluster(&Gate::open());
        let wanted = |text: &str| serde_json::from_str::<Wanted>(text).unwrap();
        let full =
            wanted(r#"{"name": "n1", "labels": {"disk": "fast"}, "taints": [{"key": "db", "effect": "NoSchedule"}]}"#);
        assert_eq!(set(&cluster, &full).unwrap(), Written::Changed);
        assert_eq!(set(&cluster, &full).unwrap(), Written::Unchanged);
        let node = api.with(|state| state.objects[path].clone());
        assert_eq!(node["metadata"]["labels"]["disk"], "fast");
        assert_eq!(node["spec"]["taints"], json!([taint, { "key": "db", "effect": "NoSchedule" }]));
        set(&cluster, &wanted(r#"{"name": "n1"}"#)).unwrap();
        let node = api.with(|state| state.objects[path].clone());
        assert_eq!((&node["metadata"]["labels"], &node["spec"]["taints"]), (&json!({}), &json!([taint])));
    }
}
