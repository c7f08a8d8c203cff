use super::*;
use crate::base::https::test_server::TestCa;
use crate::config::model::HostPort;
use crate::context::{Joining, Run};
use crate::pki::fixture;
use crate::state::join_fixture::{NOW, Objects, PAIR, TOKEN, joining, put, put_kubelet_conf, put_pair};
use crate::versions::table::facts;

#[test]
fn the_kubelet_of_a_control_plane_uses_its_own_api_server_where_the_minor_version_does_so() {
    let server = |minor, gate: Option<bool>| {
        let mut cluster = fixture::cluster(minor);
        cluster.control_plane_endpoint = Some(HostPort { host: "api.example.com".into(), port: None });
        cluster.feature_gates.extend(gate.map(|on| ("ControlPlaneKubeletLocalMode".to_owned(), on)));
        control_plane_server("https://found:6443", &cluster, &fixture::node(), facts(minor).unwrap())
    };
    let own = "https://192.168.0.36:6443";
    assert_eq!(server(20, None), "https://found:6443");
    assert_eq!((server(31, None).as_str(), server(31, Some(true)).as_str()), ("https://found:6443", own));
    assert_eq!((server(34, None).as_str(), server(34, Some(false)).as_str()), (own, "https://found:6443"));
    assert_eq!(server(36, None), own);
}

struct JoinTest {
    root: tempfile::TempDir,
    ca: TestCa,
    cx: Run<Joining>,
}

fn test() -> JoinTest {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    JoinTest { root, ca, cx }
}

fn text(cx: &Context, path: &str) -> String {
    cx.host.files.read_text(Path::new(path)).unwrap().unwrap()
}

/// The kubelet writes kubelet.conf before it has a certificate; if that file existed, a new token was not written.
#[test]
fn a_new_token_is_written_for_a_kubelet_whose_first_one_has_expired() {
    let JoinTest { ca, cx, root: _root } = test();
    for expired in [false, true] {
        put_kubelet_conf(&cx, &ca);
        put(&cx, BOOTSTRAP_KUBELET_CONF, "token: yesterday.s");
        if expired {
            put_pair(&cx, &ca.client("system:node:cp1", NOW));
        }
        assert!(provide_credentials(&cx).unwrap());
        assert!(text(&cx, BOOTSTRAP_KUBELET_CONF).contains(TOKEN));
        assert!(cx.host.files.exists(Path::new(KUBELET_CONF)) && !cx.host.files.exists(Path::new(PAIR)));
        assert!(!provide_credentials(&cx).unwrap(), "the kubelet already has this token");
    }
}

/// The kubelet uses any existing certificate that has not expired, and is rejected with it forever.
#[test]
fn a_certificate_of_another_cluster_does_not_prevent_the_request_for_a_new_one() {
    let JoinTest { ca, cx, root: _root } = test();
    for (is_started, leaf) in [
        (false, TestCa::new("kubernetes").client("system:node:cp1", NOW + 9)),
        (true, TestCa::new("kubernetes").client("system:node:cp1", NOW + 9)),
        (false, ca.client("system:node:old-name", NOW + 9)),
    ] {
        let dated = "/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem";
        put_pair(&cx, &leaf);
        std::fs::rename(cx.host.files.real(Path::new(PAIR)).unwrap(), cx.host.files.real(Path::new(dated)).unwrap())
            .unwrap();
        std::os::unix::fs::symlink(dated, cx.host.files.root().join(PAIR.trim_start_matches('/'))).unwrap();
        if is_started {
            put_kubelet_conf(&cx, &ca);
        }
        assert!(provide_credentials(&cx).unwrap());
        assert!(!cx.host.files.exists(Path::new(PAIR)) && !cx.host.files.exists(Path::new(KUBELET_CONF)));
        assert!(cx.host.files.exists(Path::new(dated)), "only the link is removed");
        assert!(text(&cx, BOOTSTRAP_KUBELET_CONF).contains(TOKEN));
    }
}

#[test]
fn a_node_of_this_cluster_is_unchanged_and_a_node_of_another_cluster_is_refused() {
    let JoinTest { ca, cx, root: _root } = test();
    put_kubelet_conf(&cx, &ca);
    put_pair(&cx, &ca.client("system:node:cp1", NOW + 9));
    assert!(!provide_credentials(&cx).unwrap());
    assert_eq!(cx.host.gate.count(), 0);

    put_kubelet_conf(&cx, &TestCa::new("other"));
    let failure = provide_credentials(&cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::OtherCluster { .. })), "{failure}");
    assert_eq!(cx.host.gate.count(), 0);
}

#[test]
fn the_bootstrap_kubeconfig_contains_the_cluster_and_is_shown_without_the_token() {
    let JoinTest { ca, cx, root: _root } = test();
    assert!(write_credentials(&cx).unwrap());
    let kubeconfig =
        Kubeconfig::parse(Path::new(BOOTSTRAP_KUBELET_CONF), text(&cx, BOOTSTRAP_KUBELET_CONF).as_bytes()).unwrap();
    let cluster = kubeconfig.current_cluster().unwrap();
    assert_eq!(cluster.server, cx.work.found.server);
    assert_eq!(cluster.certificate_authority_data.as_ref().unwrap().0, ca.pem());
    assert_eq!(kubeconfig.current_user().unwrap().token.as_ref().unwrap().0.expose(), TOKEN);
    assert_eq!(cx.host.files.mode(Path::new(BOOTSTRAP_KUBELET_CONF)), Some(0o600));
    assert!(!format!("{:?}", cx.host.gate.entries()).contains(TOKEN));
}
