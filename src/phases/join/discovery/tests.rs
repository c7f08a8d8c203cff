use super::*;
use crate::base::gate::Gate;
use crate::base::https::test_server::{TestCa, dead_address};
use crate::base::secret::Secret;
use crate::config::kubeconfig::Kubeconfig;
use crate::domain::paths::ADMIN_CONF;
use crate::pki::fixture;
use crate::state::join_fixture::{
    NOW, Objects, TOKEN, by_token, host, joining, put, put_kubelet_conf, put_pair, searching,
};
use serde_json::{Value, json};

const NODE_PATH: &str = "/api/v1/nodes/cp1";

fn node(ready: &str) -> Value {
    json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}})
}

fn facts() -> Facts {
    Facts::placeholder(crate::base::env::Random::seeded(1))
}

#[test]
fn only_a_ready_node_blocks_its_name() {
    assert!(is_ready(&node("True")));
    assert!(!is_ready(&node("False")));
    assert!(!is_ready(&node("Unknown")));
    assert!(!is_ready(&json!({})));
}

/// An unfinished run leaves a kubelet.conf without a certificate, and the next one, with another host's name, took
/// over that host's node.
#[test]
fn an_unfinished_run_gives_no_right_to_the_name_of_another_host() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let objects = Objects::default();
    let server = objects.serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    let ask = || refuse_taken_name(&cx, &cx.work.api, &ca.pem());
    objects.put(NODE_PATH, node("True"));
    for leaf in
        [None, Some(ca.client("system:node:cp1", NOW)), Some(TestCa::new("x").client("system:node:cp1", NOW + 9))]
    {
        put_kubelet_conf(&cx, &ca);
        if let Some(leaf) = &leaf {
            put_pair(&cx, leaf);
        }
        let failure = ask().unwrap_err();
        assert!(matches!(failure.downcast_ref(), Some(JoinError::NameTaken { .. })), "{failure}");
    }
    put_pair(&cx, &ca.client("system:node:cp1", NOW + 9));
    ask().unwrap();
}

#[test]
fn a_running_node_is_not_renamed() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    put_kubelet_conf(&cx, &ca);
    put_pair(&cx, &ca.client("system:node:n42", NOW + 9));
    let failure = refuse_taken_name(&cx, &cx.work.api, &ca.pem()).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "this host is already the node n42 of the cluster, and cannot be cp1 at the same time"
    );
    assert!(failure.hint().unwrap().contains("--node-name n42"));
}

/// A single dropped connection made the cluster look as if it was not up yet, so the node "does not exist".
#[test]
fn a_cluster_to_join_is_never_treated_as_empty() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let mut cx = joining(&root, None, &ca, &server, 36);
    let (away, pem) = (format!("https://{}", dead_address()), String::from_utf8(ca.pem()).unwrap());
    let admin = Kubeconfig::new("kubernetes", away, pem, "admin", token_user(Secret::new(TOKEN.into())));
    put(&cx, ADMIN_CONF, admin.to_yaml().unwrap().expose());
    let start = cx.host.clock.monotonic();
    assert!(cx.new_cluster().unwrap().find(&ObjectRef::global(&NODE, "cp1")).is_err());
    assert!(cx.host.clock.monotonic() > start, "it is retried for some time");
}

/// Between the verification of a cluster and its first ConfigMap, a single broken connection ended the run.
#[test]
fn requests_to_a_verified_cluster_are_retried() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let objects = Objects::default();
    let server = objects.serve(&ca.local_leaf());
    objects.put_cluster(&fixture::cluster(36), &server.url(), &ca.pem());
    objects.break_connection();
    let (mut cx, join) = (host(&root), searching(None, by_token(server.address.to_string())));
    let joining = find_cluster(&mut cx, join, false, &facts()).unwrap();
    assert_eq!((joining.found.server.as_str(), cx.cluster().unwrap().version.minor), (server.url().as_str(), 36));
    assert!(joining.kubelet.contains("KubeletConfiguration"));
}

#[test]
fn a_second_control_plane_needs_a_control_plane_endpoint() {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let objects = Objects::default();
    let server = objects.serve(&ca.local_leaf());
    objects.put_cluster(&fixture::cluster(36), &server.url(), &ca.pem());
    let control_plane = Some(crate::config::model::ControlPlaneJoin { certificate_key: None });
    let join = searching(control_plane, by_token(server.address.to_string()));
    let failure = find_cluster(&mut host(&root), join, false, &facts()).err().unwrap();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::NoStableEndpoint)), "{failure}");
}

/// The plan of a join towards a dead address ended after five minutes.
#[test]
fn a_plan_does_not_wait_for_a_cluster_as_long_as_a_run() {
    let root = tempfile::tempdir().unwrap();
    let mut cx = Context::for_tests(root.path().to_str().unwrap());
    let whole = cx.timeouts().discovery;
    assert!(whole > PLAN_LIMIT);
    cx.host.gate = Gate::open();
    assert_eq!(patience(&cx).unwrap(), whole);
    cx.host.gate = Gate::recording();
    assert_eq!(patience(&cx).unwrap(), PLAN_LIMIT);
}
