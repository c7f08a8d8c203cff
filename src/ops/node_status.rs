//! Marks the node of this host as not ready after its kubelet has stopped, if the node stays in the cluster. Otherwise
//! it would count as Ready for most of a minute, during which a host with the same name cannot join and the node
//! cannot be removed as dead.
//!
//! Reads: the node. Writes: the `Ready` condition of the node, with the credentials of the kubelet, which may change
//! only its own node.

use crate::base::fault::Result;
use crate::context::{Reset, Run};
use crate::domain::paths::KUBELET_CONF;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::pki::moment;
use crate::state::static_pod;
use serde_json::json;
use std::path::Path;

/// Marks the node after the kubelet has stopped, while its credentials still exist. A failure does not stop the reset.
pub fn mark_not_ready(cx: &mut Run<Reset>) {
    let name = cx.work.name.clone();
    if let Err(failure) = set_condition(cx, &name) {
        cx.events.warning(format!(
            "the node {name} could not be marked as not ready, so the cluster counts it as Ready for about a minute: \
             {failure}"
        ));
    }
}

fn set_condition(cx: &mut Run<Reset>, name: &str) -> Result<()> {
    // On a control plane the node is deleted, and the API server stops with the host.
    let is_worker = !cx.host.files.exists(&static_pod::path("kube-apiserver"));
    if !is_worker || !cx.host.files.exists(Path::new(KUBELET_CONF)) {
        return Ok(());
    }
    let Some(cluster) = crate::state::api_health::api(cx)? else { return Ok(()) };
    let node = ObjectRef::global(&NODE, name);
    if !cluster.find(&node)?.is_some_and(|node| is_ready(&node)) {
        return Ok(());
    }
    let now = moment::text(cx.host.clock.now());
    let ready = json!({
        "type": "Ready",
        "status": "False",
        "reason": "KubeletReset",
        "message": "kubewright reset removed this host from the cluster",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    });
    cx.running_cluster(Path::new(KUBELET_CONF))?.patch_status(&node, &json!({ "conditions": [ready] }))?;
    cx.events.message(format!("marked the node {name} as not ready"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use crate::context::leaving::fixture;
    use crate::kube::test_api::TestApi;
    use serde_json::Value;
    use std::sync::Arc;

    const PATH: &str = "/api/v1/nodes/n1";
    const PATCH: &str = "PATCH /api/v1/nodes/n1/status";

    /// A cluster with the node n1, which is Ready.
    fn cluster() -> TestApi {
        let api = TestApi::default();
        let conditions = json!([{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": "True"}]);
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": conditions}});
        api.put(PATH, node).with(|state| state.texts.insert("/readyz".into(), (200, "ok".into())));
        api
    }

    /// The requests that a reset of the host n1 sends after its kubelet has stopped.
    fn requests(api: &TestApi, gate: Gate, manifests: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        for path in manifests.iter().chain(&[KUBELET_CONF]) {
            std::fs::write(root.path().join(&path[1..]), "x").unwrap();
        }
        cx.work.kubeconfig = Some(KUBELET_CONF.into());
        cx.host.gate = gate;
        cx.fake = Some(Arc::new(api.cluster(&cx.host.gate)));
        mark_not_ready(&mut cx);
        api.take_log()
    }

    fn conditions(api: &TestApi) -> Value {
        api.with(|state| state.objects[PATH]["status"]["conditions"].clone())
    }

    /// It could not join again, nor could its node be removed as dead, until the cluster noticed that the kubelet had
    /// stopped.
    #[test]
    fn a_worker_is_not_ready_immediately_after_a_reset() {
        let api = cluster();
        assert!(requests(&api, Gate::open(), &[]).contains(&PATCH.into()));
        let now = conditions(&api);
        assert_eq!(now[0], json!({"type": "DiskPressure", "status": "False"}));
        assert_eq!((&now[1]["status"], &now[1]["reason"]), (&json!("False"), &json!("KubeletReset")));
        assert!(now[1]["lastTransitionTime"].as_str().unwrap().ends_with('Z'));
        assert!(!is_ready(&api.with(|state| state.objects[PATH].clone())));
        assert!(!requests(&api, Gate::open(), &[]).contains(&PATCH.into()), "it is marked once");
    }

    #[test]
    fn a_missing_node_is_not_marked_and_a_control_plane_sends_no_request() {
        let api = cluster();
        assert_eq!(requests(&api, Gate::open(), &["/etc/kubernetes/manifests/kube-apiserver.yaml"]), [""; 0]);
        api.with(|state| state.objects.clear());
        assert!(requests(&api, Gate::open(), &[]).iter().all(|line| line.starts_with("GET ")));
    }

    #[test]
    fn a_reset_continues_if_the_cluster_refuses_or_does_not_respond() {
        let api = cluster();
        api.with(|state| state.writes_left = Some(0));
        assert!(requests(&api, Gate::open(), &[]).contains(&PATCH.into()));
        api.with(|state| state.down = true);
        requests(&api, Gate::open(), &[]);
        assert_eq!(conditions(&api)[1]["status"], "True");
    }

    #[test]
    fn a_dry_run_records_the_change_and_sends_nothing() {
        let (api, gate) = (cluster(), Gate::recording());
        assert!(requests(&api, gate.clone(), &[]).iter().all(|line| line.starts_with("GET ")));
        assert_eq!(gate.count(), 1);
    }
}
