use super::*;
use crate::base::https::test_server::TestCa;
use crate::config::model::HostPort;
use crate::pki::fixture;
use crate::state::join_fixture::{NOW, Objects, PAIR, TOKEN, joining, put, put_kubelet_conf, put_pair};
use crate::versions::table::facts;

#[test]
fn the_kubelet_of_a_control_plane_asks_its_own_api_server_where_the_minor_does_so() {
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

struct Scene {
    root: tempfile::TempDir,
    ca: TestCa,
    cx: Context,
}

fn scene() -> Scene {
    let (root, ca) = (tempfile::tempdir().unwrap(), TestCa::new("kubernetes"));
    let server = Objects::default().serve(&ca.local_leaf());
    let cx = joining(&root, None, &ca, &server, 36);
    Scene { root, ca, cx }
}

fn text(cx: &Context, path: &str) -> String {
    cx.files.read_text(Path::new(path)).unwrap().unwrap()
}

/// The kubelet writes kubelet.conf before it has a certificate; with that file there, a new token was not written.
#[test]
fn a_new_token_reaches_a_kubelet_whose_first_one_has_expired() {
    let Scene { ca, cx, root: _root } = scene();
    for expired in [false, true] {
        put_kubelet_conf(&cx, &ca);
        put(&cx, BOOTSTRAP_KUBELET_CONF, "token: yesterday.s");
        if expired {
            put_pair(&cx, &ca.client("system:node:cp1", NOW));
        }
        assert!(offer_credentials(&cx).unwrap());
        assert!(text(&cx, BOOTSTRAP_KUBELET_CONF).contains(TOKEN));
        assert!(cx.files.exists(Path::new(KUBELET_CONF)) && !cx.files.exists(Path::new(PAIR)));
        assert!(!offer_credentials(&cx).unwrap(), "the kubelet waits with this token already");
    }
}

/// The kubelet takes any certificate that lies there and has not ended, and is turned away with it for ever.
#[test]
fn a_certificate_that_another_cluster_left_does_not_keep_the_kubelet_from_asking() {
    let Scene { ca, cx, root: _root } = scene();
    for (is_started, leaf) in [
        (false, TestCa::new("kubernetes").client("system:node:cp1", NOW + 9)),
        (true, TestCa::new("kubernetes").client("system:node:cp1", NOW + 9)),
        (false, ca.client("system:node:old-name", NOW + 9)),
    ] {
        let dated = "/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem";
        put_pair(&cx, &leaf);
        std::fs::rename(cx.files.real(Path::new(PAIR)).unwrap(), cx.files.real(Path::new(dated)).unwrap()).unwrap();
        std::os::unix::fs::symlink(dated, cx.files.root().join(PAIR.trim_start_matches('/'))).unwrap();
        if is_started {
            put_kubelet_conf(&cx, &ca);
        }
        assert!(offer_credentials(&cx).unwrap());
        assert!(!cx.files.exists(Path::new(PAIR)) && !cx.files.exists(Path::new(KUBELET_CONF)));
        assert!(cx.files.exists(Path::new(dated)), "only the link goes");
        assert!(text(&cx, BOOTSTRAP_KUBELET_CONF).contains(TOKEN));
    }
}

#[test]
fn a_member_is_left_alone_and_a_member_of_another_cluster_is_refused() {
    let Scene { ca, cx, root: _root } = scene();
    put_kubelet_conf(&cx, &ca);
    put_pair(&cx, &ca.client("system:node:cp1", NOW + 9));
    assert!(!offer_credentials(&cx).unwrap());
    assert_eq!(cx.gate.count(), 0);

    put_kubelet_conf(&cx, &TestCa::new("other"));
    let failure = offer_credentials(&cx).unwrap_err();
    assert!(matches!(failure.downcast_ref(), Some(JoinError::OtherCluster { .. })), "{failure}");
    assert_eq!(cx.gate.count(), 0);
}

#[test]
fn what_the_kubelet_begins_with_says_where_the_cluster_is_and_is_shown_without_the_token() {
    let Scene { ca, cx, root: _root } = scene();
    assert!(write_credentials(&cx).unwrap());
    let kubeconfig =
        Kubeconfig::parse(Path::new(BOOTSTRAP_KUBELET_CONF), text(&cx, BOOTSTRAP_KUBELET_CONF).as_bytes()).unwrap();
    let cluster = kubeconfig.current_cluster().unwrap();
    assert_eq!(cluster.server, cx.joining().unwrap().found.server);
    assert_eq!(cluster.certificate_authority_data.as_ref().unwrap().0, ca.pem());
    assert_eq!(kubeconfig.current_user().unwrap().token.as_ref().unwrap().0.expose(), TOKEN);
    assert_eq!(cx.files.mode(Path::new(BOOTSTRAP_KUBELET_CONF)), Some(0o600));
    assert!(!format!("{:?}", cx.gate.entries()).contains(TOKEN));
}
