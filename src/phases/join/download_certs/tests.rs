use super::*;
use crate::base::https::test_server::TestCa;
use crate::base::secret::Secret;
use crate::config::model::ControlPlaneJoin;
use crate::context::{Joining, Run};
use crate::state::join_fixture::{First, KUBEADM_CERTS, Objects, enter, host, put};
use serde_json::json;
use std::path::Path;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct JoinTest {
    first: First,
    objects: Objects,
    root: tempfile::TempDir,
    cx: Run<Joining>,
}

/// A host that joins as a control plane with this certificate key.
fn test(key: Option<&str>) -> JoinTest {
    let (root, ca, objects, first) =
        (tempfile::tempdir().unwrap(), TestCa::new("server"), Objects::default(), First::new(36));
    let server = objects.serve(&ca.local_leaf());
    let certificate_key = key.map(|key| Secret::new(key.to_owned()));
    let control_plane = Some(ControlPlaneJoin { certificate_key });
    let cx = enter(host(&root), control_plane, &first.ca(), first.cluster.clone(), &ca, &server);
    JoinTest { first, objects, root, cx }
}

fn download(cx: &mut Run<Joining>) -> Result<()> {
    DownloadCerts.run(cx, &Target { path: "download-certs".into(), item: None })
}

fn error(cx: &mut Run<Joining>) -> String {
    let failure = download(cx).unwrap_err();
    assert!(failure.hint().is_some(), "{failure}");
    failure.to_string()
}

#[test]
fn shared_files_are_downloaded_completely_and_keys_are_readable_only_by_root() {
    let JoinTest { first, objects, mut cx, root: _root, .. } = test(Some(KEY));
    objects.put(KUBEADM_CERTS, first.encrypted(KEY, &["front-proxy-ca.key"]));
    download(&mut cx).unwrap();
    for file in shared_files(&first.cluster) {
        let there = cx.host.files.read(&file.path).unwrap();
        let expected = (file.name != "front-proxy-ca.key").then(|| first.read(&file.path));
        assert_eq!(there, expected, "{}", file.name);
        // kubeadm gives the public key the mode of its private key.
        let mode = if file.is_private { 0o600 } else { 0o644 };
        assert!(there.is_none() || cx.host.files.mode(&file.path) == Some(mode), "{}", file.name);
    }
    let changes = cx.host.gate.count();
    download(&mut cx).unwrap();
    assert_eq!(cx.host.gate.count(), changes, "the second run changes nothing");
}

#[test]
fn undecryptable_certificates_leave_no_files() {
    let JoinTest { first, objects, mut cx, root: _root, .. } = test(Some(KEY));
    let good = first.encrypted(KEY, &[]);
    let change = |name: &str, value: serde_json::Value| {
        let mut secret = good.clone();
        secret["data"][name] = value;
        secret
    };
    for (secret, words) in [
        (first.encrypted(&"f".repeat(64), &[]), "ca.crt"),
        (change("etcd-ca.key", json!(null)), "do not contain etcd-ca.key"),
        (change("etcd-ca.key", json!("no base64!")), "etcd-ca.key"),
    ] {
        objects.put(KUBEADM_CERTS, secret);
        let text = error(&mut cx);
        assert!(text.contains(words), "{text}");
        assert_eq!(cx.host.gate.count(), 0, "{words}");
    }
}

/// The same command, repeated after two hours, failed although all files existed.
#[test]
fn a_host_with_all_files_continues_after_the_secret_was_deleted() {
    let JoinTest { first, mut cx, root: _root, .. } = test(Some(KEY));
    assert!(error(&mut cx).contains("has no uploaded certificates"));
    for file in shared_files(&first.cluster) {
        put(&cx, file.path.to_str().unwrap(), first.read(&file.path));
    }
    download(&mut cx).unwrap();
    assert_eq!(cx.host.gate.count(), 0);

    std::fs::remove_file(cx.host.files.real(Path::new("/etc/kubernetes/pki/sa.key")).unwrap()).unwrap();
    assert!(error(&mut cx).contains("has no uploaded certificates"));
    put(&cx, "/etc/kubernetes/pki/sa.key", "a key");
    put(&cx, "/etc/kubernetes/pki/ca.crt", TestCa::new("kubernetes").pem());
    assert!(error(&mut cx).contains("is not the CA of the cluster"));
}

#[test]
fn without_a_key_no_request_is_sent() {
    let JoinTest { objects, mut cx, root: _root, .. } = test(None);
    download(&mut cx).unwrap();
    assert!(objects.log.lock().unwrap().is_empty());
}
