use super::*;
use crate::context::Reset;
use crate::state::test_cluster::{TestCluster, node, pod};

const NODES: &str = "/api/v1/nodes";
const EVICTION: &str = "/api/v1/namespaces/default/pods/web/eviction";

/// Two nodes, and a Pod on the one that is removed.
fn two_nodes() -> TestCluster {
    TestCluster::start([node("n1", true), node("n2", true), pod("web", "n1"), pod("other", "n2")])
}

fn drain(cx: &mut Run<Reset>) -> Result<()> {
    Drain.run(cx, &Target { path: "drain".into(), item: None })
}

#[test]
fn a_worker_that_may_read_only_its_own_node_is_drained() {
    let cluster = two_nodes().refuses(&format!("GET {NODES}"), 403);
    drain(&mut cluster.leaving()).unwrap();
    assert!(cluster.has("/api/v1/nodes/n1") && !cluster.has("/api/v1/namespaces/default/pods/web"));
    assert!(cluster.has("/api/v1/namespaces/default/pods/other"));
    assert_eq!(cluster.object("/api/v1/nodes/n1")["spec"]["unschedulable"], true);
}

#[test]
fn pods_that_may_not_be_evicted_are_not_stopped_without_force() {
    for refused in [format!("PATCH {NODES}/n1"), format!("POST {EVICTION}")] {
        let cluster = two_nodes().refuses(&refused, 403);
        let mut cx = cluster.leaving();
        let failure = drain(&mut cx).unwrap_err();
        assert!(failure.hint().unwrap().contains("--skip-phases drain"), "{refused}");
        cx.work.force = true;
        drain(&mut cx).unwrap();
        assert!(cluster.has("/api/v1/namespaces/default/pods/web"));
    }
}

#[test]
fn a_disruption_budget_that_never_allows_the_eviction_is_reported_and_force_continues() {
    let cluster = two_nodes().refuses(&format!("POST {EVICTION}"), 429);
    let mut cx = cluster.leaving();
    let failure = drain(&mut cx).unwrap_err();
    assert!(failure.to_string().contains("default/web: its disruption budget"), "{failure}");
    let Some(LeaveError::NotDrained { .. }) = failure.downcast_ref() else { panic!("{failure}") };
    cx.work.force = true;
    drain(&mut cx).unwrap();
}

/// Each poll, up to fifty a second, requested every eviction again, and the API resources too.
#[test]
fn a_refused_eviction_is_retried_every_five_seconds() {
    let cluster = two_nodes().refuses(&format!("POST {EVICTION}"), 429);
    let mut cx = cluster.leaving();
    cx.work.drain_limit = std::time::Duration::from_mins(1);
    drain(&mut cx).unwrap_err();
    let log = cluster.log();
    let number = |line: &str| log.iter().filter(|logged| *logged == line).count();
    assert!((10..=13).contains(&number(&format!("POST {EVICTION}"))), "{log:?}");
    assert_eq!(number("GET /api/v1"), 1);
    assert!(number("GET /api/v1/pods") < 80, "{log:?}");
}

#[test]
fn no_pod_is_evicted_if_no_other_node_could_run_it() {
    let cluster = TestCluster::start([node("n1", true), node("n2", false), pod("web", "n1")]);
    drain(&mut cluster.leaving()).unwrap();
    assert!(cluster.has("/api/v1/namespaces/default/pods/web"));
    assert!(!cluster.log().iter().any(|line| !line.starts_with("GET")), "{:?}", cluster.log());
}
