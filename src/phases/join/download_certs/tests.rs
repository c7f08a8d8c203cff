use super::*;
use crate::base::https::test_server::TestCa;
use crate::base::secret::Secret;
use crate::config::model::ControlPlaneJoin;
use crate::state::join_fixture::{First, KUBEADM_CERTS, Objects, enter, host, put};
use serde_json::json;
use std::path::Path;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct Scene {
    first: First,
    objects: Objects,
    root: tempfile::TempDir,
    cx: Context,
}

/// A host that joins as a control plane with this certificate key.
fn scene(key: Option<&str>) -> Scene {
    let (root, ca, objects, first) =
        (tempfile::tempdir().unwrap(), TestCa::new("server"), Objects::default(), First::new(36));
    let server = objects.serve(&ca.local_leaf());
    let certificate_key = key.map(|key| Secret::new(key.to_owned()));
    let mut cx = host(&root, Some(ControlPlaneJoin { certificate_key }));
    enter(&mut cx, &first.ca(), first.cluster.clone(), &ca, &server);
    Scene { first, objects, root, cx }
}

fn download(cx: &mut Context) -> Result<()> {
    DownloadCerts.run(cx, &Target { path: "download-certs".into(), item: None })
}

fn error(cx: &mut Context) -> String {
    let failure = download(cx).unwrap_err();
    assert!(failure.hint().is_some(), "{failure}");
    failure.to_string()
}

#[test]
fn what_control_planes_share_arrives_whole_and_keys_are_for_root_alone() {
    let Scene { first, objects, mut cx, root: _root, .. } = scene(Some(KEY));
    objects.put(KUBEADM_CERTS, first.sealed(KEY, &["front-proxy-ca.key"]));
    download(&mut cx).unwrap();
    for file in shared_files(&first.cluster) {
        let there = cx.files.read(&file.path).unwrap();
        let expected = (file.name != "front-proxy-ca.key").then(|| first.read(&file.path));
        assert_eq!(there, expected, "{}", file.name);
        // kubeadm gives the public half the mode of its key.
        let mode = if file.is_private { 0o600 } else { 0o644 };
        assert!(there.is_none() || cx.files.mode(&file.path) == Some(mode), "{}", file.name);
    }
    let changes = cx.gate.count();
    download(&mut cx).unwrap();
    assert_eq!(cx.gate.count(), changes, "the second time nothing is new");
}

#[test]
fn what_cannot_be_opened_leaves_nothing_behind() {
    let Scene { first, objects, mut cx, root: _root, .. } = scene(Some(KEY));
    let good = first.sealed(KEY, &[]);
    let change = |name: &str, value: serde_json::Value| {
        let mut secret = good.clone();
        secret["data"][name] = value;
        secret
    };
    for (secret, words) in [
        (first.sealed(&"f".repeat(64), &[]), "ca.crt"),
        (change("etcd-ca.key", json!(null)), "lack etcd-ca.key"),
        (change("etcd-ca.key", json!("no base64!")), "etcd-ca.key"),
    ] {
        objects.put(KUBEADM_CERTS, secret);
        let text = error(&mut cx);
        assert!(text.contains(words), "{text}");
        assert_eq!(cx.gate.count(), 0, "{words}");
    }
}

/// The same command, given again after two hours, failed although everything was here.
#[test]
fn a_host_that_has_it_all_goes_on_when_the_cluster_no_longer_holds_it() {
    let Scene { first, mut cx, root: _root, .. } = scene(Some(KEY));
    assert!(error(&mut cx).contains("does not hold the certificates"));
    for file in shared_files(&first.cluster) {
        put(&cx, file.path.to_str().unwrap(), first.read(&file.path));
    }
    download(&mut cx).unwrap();
    assert_eq!(cx.gate.count(), 0);

    std::fs::remove_file(cx.files.real(Path::new("/etc/kubernetes/pki/sa.key")).unwrap()).unwrap();
    assert!(error(&mut cx).contains("does not hold the certificates"));
    put(&cx, "/etc/kubernetes/pki/sa.key", "a key");
    put(&cx, "/etc/kubernetes/pki/ca.crt", TestCa::new("kubernetes").pem());
    assert!(error(&mut cx).contains("is not the CA of the cluster"));
}

#[test]
fn without_a_key_nobody_is_asked() {
    let Scene { objects, mut cx, root: _root, .. } = scene(None);
    download(&mut cx).unwrap();
    assert!(objects.log.lock().unwrap().is_empty());
}
