use super::cleanup_node::CleanupNode;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::context::leaving::fixture;
use crate::context::rotation::Stage;
use crate::context::{Reset, Rotating, Run};
use crate::journal::Journal;
use crate::ops::signer_copy::keep;
use crate::phases::rotate_ca::announce::{Announce, RecordStage};
use crate::phases::rotate_ca::cas::Cas;
use crate::phases::rotate_ca::certificates::Certificates;
use crate::phases::rotate_ca::check::Check;
use crate::phases::rotate_ca::distribute::Distribute;
use crate::phases::rotate_ca::fixture::{TestHost, phase};
use crate::phases::rotate_ca::kubelet::Kubelet;
use crate::phases::rotate_ca::tokens::Tokens;
use crate::pipeline::{Phase, Target};
use std::path::Path;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn clean(cx: &mut Run<Reset>) {
    CleanupNode.run(cx, &Target { path: "cleanup-node".into(), item: None }).unwrap();
}

/// Every file in `root` that contains a private key, in PEM or base64.
fn keys(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
            if ["PRIVATE KEY", "client-key", "LS0tLS1CRUdJTi"].iter().any(|part| text.contains(part)) {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn no_key_of_a_ca_rotation_is_left_at_any_stage() {
    for stages in [&Stage::ALL[..1], &Stage::ALL[..2]] {
        let host = TestHost::control_plane();
        for stage in stages {
            let mut cx = host.run(*stage);
            cx.work.purpose.now = true;
            for action in [
                &Check as &dyn Phase<Rotating>,
                &Tokens,
                &Distribute,
                &Cas,
                &Certificates,
                &Kubelet,
                &Announce,
                &RecordStage,
            ] {
                phase(action, &mut cx).unwrap();
            }
            keep(&cx, "kube-controller-manager").unwrap();
        }
        assert!(host.root.path().join("etc/kubernetes/pki/next").exists());
        let key = host.read("etc/kubernetes/pki/apiserver.key");
        put(host.root.path(), "etc/kubernetes/pki/next/.ca.key.kubewright", &key);
        put(host.root.path(), "etc/kubernetes/pki/etcd/peer.renewing", "{\"key\": \"LS0tLS1CRUdJTiB\"}");
        put(host.root.path(), "etc/kubernetes/admin.renewing.stale", "{\"key\": \"LS0tLS1CRUdJTiB\"}");
        assert!(keys(host.root.path()).len() > 10);
        clean(&mut fixture(host.root.path()));
        assert_eq!(keys(host.root.path()), [""; 0], "{} stages", stages.len());
        assert!(!host.root.path().join("etc/kubernetes/pki/next").exists());
    }
}

#[test]
fn backups_of_keys_stay_only_with_the_flag() {
    let copy = "var/lib/kubewright/backup/certs-20261129T121314Z/etc/kubernetes/super-admin.conf";
    let own = "var/lib/kubewright/backup/my-notes/key.pem";
    for (keep, expected) in [(false, vec![own]), (true, vec![copy, own])] {
        let root = tempfile::tempdir().unwrap();
        for path in [copy, own, "etc/kubernetes/admin.conf"] {
            put(root.path(), path, "client-key-data: x\n");
        }
        let mut cx = fixture(root.path());
        cx.work.keep_backups = keep;
        clean(&mut cx);
        assert_eq!(keys(root.path()), expected);
    }
}

#[test]
fn directories_with_names_of_a_rotation_stay_unless_they_are_ours() {
    let files = ["/srv/pki/next/ca.key", "/srv/pki/next/mine.key"];
    for (named, left) in [(false, 2), (true, 1)] {
        let root = tempfile::tempdir().unwrap();
        for path in files {
            put(root.path(), path, "PRIVATE KEY");
        }
        if named {
            let manager =
                "spec: {containers: [{command: [--cluster-signing-key-file=/srv/pki/signing/0123456789ab.key]}]}";
            put(root.path(), "etc/kubernetes/manifests/kube-controller-manager.yaml", manager);
        }
        let mut cx = fixture(root.path());
        cx.config.cluster.as_mut().unwrap().certificates_dir = "/srv/pki".into();
        clean(&mut cx);
        assert_eq!(keys(root.path()).len(), left);
    }
}

fn api_server(directory: &str) -> String {
    format!(
        "spec: {{containers: [{{command: [--etcd-servers=https://10.0.0.9:2379, --etcd-cafile={directory}/ca.crt, \
         --etcd-certfile={directory}/client.crt, --etcd-keyfile={directory}/client.key]}}]}}"
    )
}

#[test]
fn the_client_key_of_an_external_etcd_is_removed_if_it_is_ours_and_reported_otherwise() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n";
    for (directory, downloaded, stays) in [
        ("/etc/etcd", true, false),
        ("/etc/etcd", false, true),
        ("/etc/kubernetes/etcd", false, false),
        ("/etc/kubernetes/pki/etcd", false, true),
    ] {
        let root = tempfile::tempdir().unwrap();
        let mut cx = fixture(root.path());
        let key = format!("{directory}/client.key");
        if downloaded {
            let files = HostFiles::new(root.path(), Gate::open());
            let mut journal = Journal::load(&files).unwrap();
            let gate = Gate::open();
            HostFiles::new(root.path(), gate.clone()).write(Path::new(&key), &Content::public(KEY), 0o600).unwrap();
            journal.note(&files, &gate.entries(), "", 1).unwrap();
            journal.save(&files).unwrap();
        } else {
            put(root.path(), &key, KEY);
        }
        put(root.path(), "etc/kubernetes/manifests/kube-apiserver.yaml", &api_server(directory));
        clean(&mut cx);
        assert_eq!(keys(root.path()).len(), usize::from(stays), "{directory}, downloaded: {downloaded}");
        assert_eq!(cx.work.notes.iter().any(|note| note.starts_with(&key)), stays);
    }
}
