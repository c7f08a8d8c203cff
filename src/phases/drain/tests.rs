use super::*;
use crate::state::test_cluster::{TestCluster, node, pod};
use serde_json::json;

const NODES: &str = "/api/v1/nodes";
const EVICTION: &str = "/api/v1/namespaces/default/pods/web/eviction";

/// Two nodes, and a Pod on the one that leaves.
fn two_nodes() -> TestCluster {
    TestCluster::start([node("n1", true), node("n2", true), pod("web", "n1"), pod("other", "n2")])
}

fn drain(cx: &mut Context) -> Result<()> {
    Drain.run(cx, &Target { path: "drain".into(), item: None })
}

#[test]
fn a_worker_that_may_read_only_its_own_node_is_drained_all_the_same() {
    let cluster = two_nodes().refuses(&format!("GET {NODES}"), 403);
    drain(&mut cluster.leaving()).unwrap();
    assert!(cluster.has("/api/v1/nodes/n1") && !cluster.has("/api/v1/namespaces/default/pods/web"));
    assert!(cluster.has("/api/v1/namespaces/default/pods/other"));
    assert_eq!(cluster.object("/api/v1/nodes/n1")["spec"]["unschedulable"], true);
}

#[test]
fn pods_that_nobody_may_move_do_not_end_unasked() {
    for refused in [format!("PATCH {NODES}/n1"), format!("POST {EVICTION}")] {
        let cluster = two_nodes().refuses(&refused, 403);
        let mut cx = cluster.leaving();
        let failure = drain(&mut cx).unwrap_err();
        assert!(failure.hint().unwrap().contains("--skip-phases drain"), "{refused}");
        cx.leaving_mut().unwrap().force = true;
        drain(&mut cx).unwrap();
        assert!(cluster.has("/api/v1/namespaces/default/pods/web"));
    }
}

#[test]
fn a_budget_that_never_lets_go_ends_in_its_name_and_only_force_goes_on() {
    let cluster = two_nodes().refuses(&format!("POST {EVICTION}"), 429);
    let mut cx = cluster.leaving();
    let failure = drain(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("default/web: its disruption budget"), "{failure}");
    let Some(LeaveError::NotDrained { .. }) = failure.downcast_ref() else { panic!("{failure}") };
    cx.leaving_mut().unwrap().force = true;
    drain(&mut cx).unwrap();
}

/// Each look, up to fifty a second, asked every Pod again, and the server for its resources besides.
#[test]
fn a_pod_that_its_budget_does_not_let_go_is_asked_every_five_seconds() {
    let cluster = two_nodes().refuses(&format!("POST {EVICTION}"), 429);
    let mut cx = cluster.leaving();
    cx.leaving_mut().unwrap().drain_limit = std::time::Duration::from_mins(1);
    drain(&mut cx).unwrap_err();
    let log = cluster.log();
    let number = |line: &str| log.iter().filter(|logged| *logged == line).count();
    assert!((10..=13).contains(&number(&format!("POST {EVICTION}"))), "{log:?}");
    assert_eq!(number("GET /api/v1"), 1);
    assert!(number("GET /api/v1/pods") < 80, "{log:?}");
}

#[test]
fn nothing_is_moved_where_nobody_could_take_it() {
    let cluster = TestCluster::start([node("n1", true), node("n2", false), pod("web", "n1")]);
    drain(&mut cluster.leaving()).unwrap();
    assert!(cluster.has("/api/v1/namespaces/default/pods/web"));
    assert!(!cluster.log().iter().any(|line| !line.starts_with("GET")), "{:?}", cluster.log());
}

#[test]
fn pods_that_belong_to_the_node_stay() {
    let owned = |kind: &str| json!({"metadata": {"ownerReferences": [{"kind": kind, "controller": true}]}});
    assert!(moves(&owned("ReplicaSet")) && moves(&json!({"metadata": {}})));
    assert!(!moves(&owned("DaemonSet")));
    assert!(!moves(&json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})));
    assert!(!moves(&json!({"metadata": {}, "status": {"phase": "Succeeded"}})));
}

#[test]
fn what_is_lost_is_said() {
    assert_eq!(lost_with(&json!({"metadata": {}})), " (nobody makes it anew elsewhere)");
    let pod = json!({"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "controller": true}]},
        "spec": {"volumes": [{"emptyDir": {}}]}});
    assert!(lost_with(&pod).contains("emptyDir"));
}
