use super::*;
use crate::base::https::test_server::TestCa;
use crate::base::secret::Secret;
use crate::config::kubeconfig::{Kubeconfig, SecretText, User};
use crate::state::join_fixture::{KUBEADM_CONFIG, Objects, TOKEN, joining, put};

const STATUS: &str = "apiEndpoints:\n  cp0:\n    advertiseAddress: 10.0.0.9\n    bindPort: 6443\napiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n";

struct JoinTest {
    objects: Objects,
    root: tempfile::TempDir,
    cx: Context,
}

fn test(minor: u16, status: Option<&str>) -> JoinTest {
    let (root, ca, objects) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"), Objects::default());
    let server = objects.serve(&ca.local_leaf());
    objects.put(
        KUBEADM_CONFIG,
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kubeadm-config", "namespace": "kube-system", "resourceVersion": "1"},
            "data": {KEY: status, "ClusterConfiguration": "x: 1\n"},
        }),
    );
    let cx = joining(&root, None, &ca, &server, minor).cx;
    let user = User { token: Some(SecretText(Secret::new(TOKEN.into()))), ..User::default() };
    let pem = String::from_utf8(ca.pem()).unwrap();
    let admin = Kubeconfig::new("kubernetes", server.url(), pem, "admin", user);
    put(&cx, ADMIN_CONF, admin.to_yaml().unwrap().expose());
    JoinTest { objects, root, cx }
}

fn note(cx: &mut Context) -> Result<()> {
    UpdateStatus.run(cx, &Target { path: "update-status".into(), item: None })
}

#[test]
fn this_api_server_is_added_to_the_others_once() {
    let JoinTest { objects, mut cx, root: _root, .. } = test(20, Some(STATUS));
    note(&mut cx).unwrap();
    let map = objects.at(KUBEADM_CONFIG).unwrap();
    let status = parse(&map).unwrap().unwrap();
    assert_eq!(status["apiEndpoints"]["cp0"]["advertiseAddress"], "10.0.0.9");
    assert_eq!(status["apiEndpoints"]["cp1"], json!({"advertiseAddress": "192.168.0.36", "bindPort": 6443}));
    assert_eq!(map["data"]["ClusterConfiguration"], "x: 1\n");
    let changes = cx.host.gate.count();
    note(&mut cx).unwrap();
    assert_eq!(cx.host.gate.count(), changes);
}

#[test]
fn a_cluster_without_a_status_gets_one() {
    let JoinTest { objects, mut cx, root: _root, .. } = test(20, None);
    note(&mut cx).unwrap();
    let status = parse(&objects.at(KUBEADM_CONFIG).unwrap()).unwrap().unwrap();
    assert_eq!((&status["kind"], &status["apiVersion"]), (&json!(KEY), &json!("kubeadm.k8s.io/v1beta2")));
    assert!(!status["apiEndpoints"]["cp1"].is_null());
}

#[test]
fn an_unreadable_status_is_not_overwritten() {
    let JoinTest { mut cx, root: _root, .. } = test(20, Some("{"));
    let failure = note(&mut cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::BadStatus(_))), "{failure}");
    assert_eq!(cx.host.gate.count(), 0);
}

#[test]
fn minor_versions_without_a_status_send_no_request() {
    let JoinTest { objects, mut cx, root: _root, .. } = test(36, None);
    note(&mut cx).unwrap();
    assert!(objects.log.lock().unwrap().is_empty());
}

/// Running 'init' again removed the other control planes from the status.
#[test]
fn the_api_servers_of_others_are_kept() {
    let endpoint = |address: &str| json!({"advertiseAddress": address, "bindPort": 6443});
    let mut map = json!({"data": {KEY: go_yaml::to_string(&json!({"apiEndpoints": {"n2": endpoint("10.0.0.2")}}))}});
    crate::phases::join::update_status::put(&mut map, &json!({"kind": KEY}), "n1", &endpoint("10.0.0.1"));
    let status = parse(&map).unwrap().unwrap();
    assert_eq!(status["apiEndpoints"], json!({"n1": endpoint("10.0.0.1"), "n2": endpoint("10.0.0.2")}));
    let mut none = json!({"data": {}});
    crate::phases::join::update_status::put(&mut none, &json!({"kind": KEY}), "n1", &endpoint("10.0.0.1"));
    assert_eq!(parse(&none).unwrap().unwrap()["kind"], KEY);
}
