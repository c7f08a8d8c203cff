use super::*;
use crate::state::status::{ComponentState, Status};
use crate::state::upgrade::fixture::FakeCluster;
use serde_json::json;

const NOW: i64 = 1_800_000_000;

/// Adds what `status` reads beside what an upgrade reads.
fn whole(fake: &mut FakeCluster) {
    fake.text("/readyz", "ok");
    let lease = |name: &str| json!({"metadata": {"name": name}, "spec": {"renewTime": moment::text(NOW - 3)}});
    fake.set(
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
        json!({"items": [lease("n1"), lease("n5")]}),
    );
    let set = json!({
        "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
        "status": {"numberReady": 1, "desiredNumberScheduled": 1},
    });
    let network = json!({
        "metadata": {"name": "calico-node", "namespace": "calico-system"},
        "status": {"numberReady": 2, "desiredNumberScheduled": 2},
    });
    fake.set("/apis/apps/v1/daemonsets", json!({"items": [set, network]}));
    fake.set("/api/v1/namespaces/kube-system/secrets", json!({"items": []}));
}

fn seen(fake: FakeCluster, own: Option<&str>) -> (View, Vec<String>) {
    let running = fake.start();
    let view = of(&running.cluster, Api { server: "https://api:6443".into(), ..Api::default() }, own, NOW);
    (view, running.log())
}

fn states(view: &View, node: &str) -> Vec<(String, ComponentState)> {
    let planes = view.control_planes.as_ref().unwrap();
    let plane = planes.iter().find(|plane| plane.name == node).unwrap();
    plane.components.iter().map(|one| (one.name.clone(), one.state)).collect()
}

#[test]
fn three_control_planes_and_two_workers_take_fewer_than_ten_requests() {
    let mut fake = FakeCluster::new("v1.33.2");
    for name in ["n2", "n3"] {
        fake.add_control_plane(name, "v1.33.2");
    }
    for name in ["n4", "n5"] {
        fake.add_node(name, "v1.33.2", false);
    }
    whole(&mut fake);
    let (view, log) = seen(fake, None);
    assert!(log.len() < 10, "{log:?}");
    assert_eq!(view.unknown, []);
    assert_eq!(view.nodes.as_ref().unwrap().len(), 5);
    assert_eq!(view.nodes.as_ref().unwrap().first().unwrap().renewed, Some(NOW - 3));
    assert_eq!(
        view.addons.as_ref().unwrap().iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["coredns", "kube-proxy"]
    );
    assert_eq!(view.pod_network.as_ref().unwrap().addons.first().unwrap().name, "calico-node");
    assert_eq!(view.tokens.as_ref().unwrap().valid, 0);
}

#[test]
fn a_crashing_a_starting_and_a_missing_component_differ() {
    let mut fake = FakeCluster::new("v1.33.2");
    whole(&mut fake);
    let pod = |component: &str, status: Value| {
        json!({
            "metadata": {"name": format!("{component}-n1"), "labels": {"component": component, "tier": "control-plane"}},
            "spec": {"nodeName": "n1", "containers": [{"name": component, "image": format!("r.io/{component}:v1.33.2")}]},
            "status": {"containerStatuses": [status]},
        })
    };
    let good = json!({"name": "kube-apiserver", "ready": true, "restartCount": 2});
    let crashing = json!({
        "name": "kube-scheduler", "ready": false, "restartCount": 7,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}},
    });
    let items = [pod("kube-apiserver", good), pod("kube-scheduler", crashing)];
    fake.set("/api/v1/namespaces/kube-system/pods", json!({"items": items}));
    let (view, _) = seen(fake, None);
    assert_eq!(
        states(&view, "n1"),
        [
            ("kube-apiserver".into(), ComponentState::Ready),
            ("kube-controller-manager".into(), ComponentState::Missing),
            ("kube-scheduler".into(), ComponentState::Crashing),
        ]
    );
    let plane = view.control_planes.as_ref().unwrap().first().unwrap();
    assert_eq!((plane.version.as_deref(), plane.components[2].restarts), (Some("v1.33.2"), 7));
    assert_eq!(plane.components[2].problem.as_deref(), Some("CrashLoopBackOff, it ended with code 1"));
}

#[test]
fn a_silent_node_and_one_without_a_network_plugin_differ() {
    let mut fake = FakeCluster::new("v1.33.2");
    for name in ["n4", "n5"] {
        fake.add_node(name, "v1.33.2", false);
    }
    whole(&mut fake);
    let condition = |status: &str, message: &str| json!([{"type": "Ready", "status": status, "message": message}, {"type": "DiskPressure", "status": "True"}]);
    fake.node("n4")["status"]["conditions"] = condition("Unknown", "Kubelet stopped posting node status.");
    fake.node("n5")["status"]["conditions"] =
        condition("False", "NetworkPluginNotReady message:cni plugin not initialized");
    let (view, _) = seen(fake, None);
    let node = |name: &str| view.nodes.as_ref().unwrap().iter().find(|node| node.name == name).unwrap().clone();
    assert!(node("n4").silent && !node("n4").ready && node("n4").pressure == ["DiskPressure"]);
    assert!(!node("n5").silent && node("n5").problem.unwrap().contains("cni"));
    assert_eq!(view.pod_network.as_ref().unwrap().without, ["n5"]);
    let status = Status::of(view, NOW);
    assert!(status.causes.iter().any(|cause| (cause.id, cause.place.as_str()) == ("NodeSilent", "n4")));
}

/// What the credentials of a kubelet do not show is unknown, and not a failure.
#[test]
fn what_is_forbidden_is_unknown_by_design_and_what_fails_is_not() {
    let mut fake = FakeCluster::new("v1.33.2");
    whole(&mut fake);
    fake.forbid("/api/v1/namespaces/kube-system/secrets");
    fake.remove("/apis/apps/v1/daemonsets");
    let (view, _) = seen(fake, None);
    let unknown = |what: &str| view.unknown.iter().find(|one| one.what == what).map(|one| one.by_design);
    assert_eq!(unknown("tokens"), Some(true));
    assert_eq!(unknown("kube-proxy and the Pod network"), Some(false));
    assert!(view.tokens.is_none() && view.pod_network.is_none());
}

#[test]
fn an_api_that_does_not_respond_is_asked_once() {
    let running = FakeCluster::new("v1.33.2").start();
    let view = of(&running.cluster, Api::default(), None, NOW);
    let api = view.api.unwrap();
    assert!(!api.ready && api.responds, "{api:?}");
    assert!(api.problem.unwrap().contains("status 404"));
}
