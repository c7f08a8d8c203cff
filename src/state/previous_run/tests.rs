use super::*;
use crate::base::https::test_server::TestCa;
use crate::config::model::ControlPlaneJoin;
use crate::context::Context;
use crate::state::join_fixture::{Objects, joining, put, put_kubelet_conf};

const CA: &str = "/etc/kubernetes/pki/ca.crt";

fn files(is_control_plane: bool, prepare: impl Fn(&Context, &TestCa)) -> Vec<PathBuf> {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let control_plane = is_control_plane.then(|| ControlPlaneJoin { certificate_key: None });
    let cx = joining(&root, control_plane, &ca, &server, 36);
    prepare(&cx, &ca);
    files_of_this_cluster(&cx).unwrap()
}

#[test]
fn files_that_the_kubelet_wrote_before_it_had_a_certificate_do_not_stop_the_next_run() {
    let found = files(false, |cx, ca| {
        put(cx, CA, ca.pem());
        put_kubelet_conf(cx, ca);
        // It is a kubeconfig for the same cluster too.
        put(cx, BOOTSTRAP_KUBELET_CONF, cx.host.files.read(Path::new(KUBELET_CONF)).unwrap().unwrap());
    });
    assert_eq!(found, [CA, BOOTSTRAP_KUBELET_CONF, KUBELET_CONF].map(PathBuf::from));
}

#[test]
fn manifests_are_ours_if_the_kubelet_belongs_to_this_cluster() {
    let found = files(true, put_kubelet_conf);
    assert_eq!(found.len(), 1 + PODS.len());
    assert!(found.contains(&manifest("etcd")));
    assert_eq!(files(true, |cx, ca| put(cx, CA, ca.pem())), [PathBuf::from(CA)]);
}

#[test]
fn leftovers_of_another_cluster_stop_the_run() {
    let other = TestCa::new("kubernetes");
    let found = files(true, |cx, _| {
        put(cx, CA, other.pem());
        put_kubelet_conf(cx, &other);
        put(cx, BOOTSTRAP_KUBELET_CONF, "no kubeconfig");
    });
    assert!(found.is_empty(), "{found:?}");
}
