//! Tells the cluster that this host's kubelet has stopped, where its node stays listed: the cluster would count it as
//! Ready for most of a minute, and for so long refuse a host of its name and take it for one that is not dead.
//!
//! Reads: the node. Writes: the node's condition `Ready`, with the kubelet's own credentials: they may do that, and
//! reach no other node.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::KUBELET_CONF;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::pki::moment;
use crate::state::static_pod;
use serde_json::json;
use std::path::Path;

/// Tells it, after the kubelet has stopped and as long as its credentials are there. The host leaves also where that
/// fails.
///
/// # Errors
/// When the command is no 'reset'.
pub fn tell(cx: &mut Context) -> Result<()> {
    let name = cx.leaving()?.name.clone();
    if let Err(failure) = mark(cx, &name) {
        cx.events.warning(format!(
            "the cluster is not told that the kubelet has stopped, and counts {name} as Ready for about a minute: {failure}"
        ));
    }
    Ok(())
}

fn mark(cx: &mut Context, name: &str) -> Result<()> {
    // A control plane removes its node, and its API server ends with it.
    let is_worker = !cx.files.exists(&static_pod::path("kube-apiserver"));
    if !is_worker || !cx.files.exists(Path::new(KUBELET_CONF)) {
        return Ok(());
    }
    let Some(cluster) = crate::state::api_health::api(cx)? else { return Ok(()) };
    let node = ObjectRef::global(&NODE, name);
    if !cluster.find(&node)?.is_some_and(|node| is_ready(&node)) {
        return Ok(());
    }
    let now = moment::text(cx.clock.now());
    let ready = json!({
        "type": "Ready",
        "status": "False",
        "reason": "KubeletReset",
        "message": "kubewright reset took this host out of the cluster",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    });
    cx.running_cluster(Path::new(KUBELET_CONF))?.patch_status(&node, &json!({ "conditions": [ready] }))?;
    cx.events.message(format!("told the cluster that the kubelet of {name} has stopped"));
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

    /// The host n1, which leaves it, after its kubelet has stopped.
    fn told(api: &TestApi, gate: Gate, manifests: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        std::fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
        for path in manifests.iter().chain(&[KUBELET_CONF]) {
            std::fs::write(root.path().join(&path[1..]), "x").unwrap();
        }
        cx.leaving_mut().unwrap().kubeconfig = Some(KUBELET_CONF.into());
        cx.gate = gate;
        cx.fake = Some(Arc::new(api.cluster(&cx.gate)));
        tell(&mut cx).unwrap();
        api.take_log()
    }

    fn conditions(api: &TestApi) -> Value {
        api.with(|state| state.objects[PATH]["status"]["conditions"].clone())
    }

    /// It could not join again, nor could its node be removed as dead, before the cluster had missed it.
    #[test]
    fn a_worker_that_was_just_reset_does_not_count_as_ready() {
        let api = cluster();
        assert!(told(&api, Gate::open(), &[]).contains(&PATCH.into()));
        let now = conditions(&api);
        assert_eq!(now[0], json!({"type": "DiskPressure", "status": "False"}));
        assert_eq!((&now[1]["status"], &now[1]["reason"]), (&json!("False"), &json!("KubeletReset")));
        assert!(now[1]["lastTransitionTime"].as_str().unwrap().ends_with('Z'));
        assert!(!is_ready(&api.with(|state| state.objects[PATH].clone())));
        assert!(!told(&api, Gate::open(), &[]).contains(&PATCH.into()), "it is said once");
    }

    #[test]
    fn nothing_is_said_of_a_node_that_is_gone_and_a_control_plane_asks_nobody() {
        let api = cluster();
        assert_eq!(told(&api, Gate::open(), &["/etc/kubernetes/manifests/kube-apiserver.yaml"]), [""; 0]);
        api.with(|state| state.objects.clear());
        assert!(told(&api, Gate::open(), &[]).iter().all(|line| line.starts_with("GET ")));
    }

    #[test]
    fn a_cluster_that_refuses_or_does_not_answer_keeps_no_host() {
        let api = cluster();
        api.with(|state| state.writes_left = Some(0));
        assert!(told(&api, Gate::open(), &[]).contains(&PATCH.into()));
        api.with(|state| state.down = true);
        told(&api, Gate::open(), &[]);
        assert_eq!(conditions(&api)[1]["status"], "True");
    }

    #[test]
    fn a_dry_run_notes_it_and_sends_nothing() {
        let (api, gate) = (cluster(), Gate::recording());
        assert!(told(&api, gate.clone(), &[]).iter().all(|line| line.starts_with("GET ")));
        assert_eq!(gate.count(), 1);
    }
}
