//! Closes a node to new Pods while it leaves, and opens it again when its host joins anew: a node that `reset` cannot
//! remove would get no Pods ever after.
//!
//! Reads: the node. Writes: its mark `unschedulable`, and an annotation that says whose mark that is.

use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::request::PatchKind;
use serde_json::{Value, json};

/// The annotation of a node that `reset` has closed.
const CLOSED: &str = "kubewright.io/closed-by-reset";

/// Closes the node that leaves. One that somebody else has closed is not ours to open later.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn close(cx: &Context, cluster: &Cluster, node: &Value) -> Result<()> {
    if node["spec"]["unschedulable"] == true {
        return Ok(());
    }
    let leaving = cx.leaving()?;
    let mut patch = json!({"spec": {"unschedulable": true}});
    if leaving.is_here() {
        patch["metadata"]["annotations"][CLOSED] = json!("true");
    }
    cluster.patch(&ObjectRef::global(&NODE, &leaving.name), PatchKind::Strategic, &patch)?;
    Ok(())
}

/// What opens a node that `reset` has closed; None for any other.
pub fn opening_patch(node: &Value) -> Option<Value> {
    node["metadata"]["annotations"].get(CLOSED)?;
    Some(json!({"metadata": {"annotations": {CLOSED: null}}, "spec": {"unschedulable": null}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::context::leaving::fixture;
    use crate::kube::test_api::TestApi;

    const PATH: &str = "/api/v1/nodes/n1";

    fn closed(spec: &Value, here: bool) -> Value {
        let (api, root) = (TestApi::default(), tempfile::tempdir().unwrap());
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": spec});
        let mut cx = fixture(root.path());
        cx.leaving_mut().unwrap().reset.take_if(|_| !here);
        api.put(PATH, node.clone());
        close(&cx, &api.cluster(&Gate::open()), &node).unwrap();
        api.with(|state| state.objects[PATH].clone())
    }

    /// It stayed closed after it had joined again.
    #[test]
    fn a_node_that_was_reset_gets_pods_when_it_joins_again() {
        let node = closed(&json!({}), true);
        assert_eq!(node["spec"]["unschedulable"], true);
        let (api, object) = (TestApi::default(), ObjectRef::global(&NODE, "n1"));
        api.put(PATH, node.clone());
        api.cluster(&Gate::open()).patch(&object, PatchKind::Strategic, &opening_patch(&node).unwrap()).unwrap();
        let node = api.with(|state| state.objects[PATH].clone());
        assert!(node["spec"]["unschedulable"].is_null() && opening_patch(&node).is_none(), "{node}");
    }

    #[test]
    fn a_node_that_somebody_else_has_closed_stays_closed() {
        assert!(opening_patch(&closed(&json!({"unschedulable": true}), true)).is_none());
        assert!(opening_patch(&closed(&json!({}), false)).is_none());
    }
}
