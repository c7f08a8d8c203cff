//! Cordons a node while it is removed, and uncordons it when its host joins again: a node that `reset` cannot delete
//! would otherwise never get Pods again. Cordons a node while its kubelet is replaced.
//!
//! Reads: the node. Writes: its field `unschedulable`, and an annotation that records which command set it.

use crate::base::fault::Result;
use crate::context::{Leaving, Place, Run};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::request::PatchKind;
use serde_json::{Value, json};

/// The annotation of a node that `reset` has cordoned.
const CORDONED: &str = "kubewright.io/closed-by-reset";

/// The annotation of a node that an upgrade has cordoned. It is set and removed together with the field, so that a run that
/// continues knows whether the node is to be uncordoned.
const BY_UPGRADE: &str = "kubewright.io/cordoned-by-upgrade";

/// The patch with which an upgrade cordons a node; None if the node is cordoned.
pub fn upgrade_patch(node: &Value) -> Option<Value> {
    if node["spec"]["unschedulable"] == true {
        return None;
    }
    Some(json!({"metadata": {"annotations": {BY_UPGRADE: "true"}}, "spec": {"unschedulable": true}}))
}

/// The patch that uncordons a node that an upgrade has cordoned; None for any other node.
pub fn upgraded_patch(node: &Value) -> Option<Value> {
    node["metadata"]["annotations"].get(BY_UPGRADE)?;
    Some(json!({"metadata": {"annotations": {BY_UPGRADE: null}}, "spec": {"unschedulable": null}}))
}

/// Cordons the node. If it is already cordoned by the user, it stays cordoned after the next join.
pub fn cordon<H: Place>(cx: &Run<Leaving<H>>, cluster: &Cluster, node: &Value) -> Result<()> {
    if node["spec"]["unschedulable"] == true {
        return Ok(());
    }
    let leaving = &cx.work;
    let mut patch = json!({"spec": {"unschedulable": true}});
    if leaving.is_here() {
        patch["metadata"]["annotations"][CORDONED] = json!("true");
    }
    cluster.patch(&ObjectRef::global(&NODE, &leaving.name), PatchKind::Strategic, &patch)?;
    Ok(())
}

/// The patch that uncordons a node that `reset` has cordoned; None for any other node.
pub fn uncordon_patch(node: &Value) -> Option<Value> {
    node["metadata"]["annotations"].get(CORDONED)?;
    Some(json!({"metadata": {"annotations": {CORDONED: null}}, "spec": {"unschedulable": null}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::context::leaving::fixture;
    use crate::kube::test_api::TestApi;

    const PATH: &str = "/api/v1/nodes/n1";

    fn cordoned(spec: &Value, here: bool) -> Value {
        let (api, root) = (TestApi::default(), tempfile::tempdir().unwrap());
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": spec});
        api.put(PATH, node.clone());
        let run = fixture(root.path());
        if here {
            cordon(&run, &api.cluster(&Gate::open()), &node).unwrap();
        } else {
            cordon(&run.elsewhere(), &api.cluster(&Gate::open()), &node).unwrap();
        }
        api.with(|state| state.objects[PATH].clone())
    }

    /// It stayed cordoned after it had joined again.
    #[test]
    fn a_node_that_was_reset_is_uncordoned_when_it_joins_again() {
        let node = cordoned(&json!({}), true);
        assert_eq!(node["spec"]["unschedulable"], true);
        let (api, object) = (TestApi::default(), ObjectRef::global(&NODE, "n1"));
        api.put(PATH, node.clone());
        api.cluster(&Gate::open()).patch(&object, PatchKind::Strategic, &uncordon_patch(&node).unwrap()).unwrap();
        let node = api.with(|state| state.objects[PATH].clone());
        assert!(node["spec"]["unschedulable"].is_null() && uncordon_patch(&node).is_none(), "{node}");
    }

    #[test]
    fn an_upgrade_uncordons_only_what_it_has_cordoned() {
        let own = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}});
        let (api, object) = (TestApi::default(), ObjectRef::global(&NODE, "n1"));
        api.put(PATH, own.clone());
        let cluster = api.cluster(&Gate::open());
        cluster.patch(&object, PatchKind::Strategic, &upgrade_patch(&own).unwrap()).unwrap();
        let cordoned = api.with(|state| state.objects[PATH].clone());
        assert!(upgrade_patch(&cordoned).is_none() && cordoned["spec"]["unschedulable"] == true);
        cluster.patch(&object, PatchKind::Strategic, &upgraded_patch(&cordoned).unwrap()).unwrap();
        let after = api.with(|state| state.objects[PATH].clone());
        assert!(after["spec"]["unschedulable"].is_null() && upgraded_patch(&after).is_none(), "{after}");
        assert!(upgraded_patch(&json!({"metadata": {}, "spec": {"unschedulable": true}})).is_none());
    }

    #[test]
    fn a_node_that_the_user_has_cordoned_stays_cordoned() {
        assert!(uncordon_patch(&cordoned(&json!({"unschedulable": true}), true)).is_none());
        assert!(uncordon_patch(&cordoned(&json!({}), false)).is_none());
    }
}
