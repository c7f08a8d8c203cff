//! `reset` on a folder of files: what a cluster left there, and what its output says of it.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.5}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
encryptionAlgorithm: ECDSA-P256
";
const BACKUP: &str = "var/lib/kubewright/backup";

fn control_plane() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    run(&root, "init --config cluster.yaml");
    root
}

#[track_caller]
fn run(root: &TempDir, line: &str) -> Finished {
    Run::new(line.split(' ')).file("cluster.yaml", CONFIG).rootfs(root.path()).finish().exit(ExitCode::Ok)
}

/// Every file below `root` that holds a private key: as PEM, in a kubeconfig, or in a staged pair.
fn keys(root: &Path) -> Vec<String> {
    let holds_key = |bytes: &Vec<u8>| {
        let text = String::from_utf8_lossy(bytes);
        // The last one is "-----BEGIN" in base64.
        ["PRIVATE KEY", "client-key", "LS0tLS1CRUdJTi"].iter().any(|part| text.contains(part))
    };
    let files = whole::contents(root).into_iter();
    let found = files.filter(|(_, bytes)| bytes.as_ref().is_some_and(holds_key));
    found.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn no_private_key_is_left_after_renewals_and_a_rotation() {
    let root = control_plane();
    for _ in 0..5 {
        run(&root, "certs renew all");
    }
    let copies = fs::read_dir(root.path().join(BACKUP)).unwrap().count();
    assert_eq!(copies, 3, "older copies of keys are removed");
    let pki = root.path().join("etc/kubernetes/pki");
    let key = fs::read(pki.join("ca.key")).unwrap();
    for folder in ["next", "signing"] {
        fs::create_dir(pki.join(folder)).unwrap();
    }
    for name in ["next/ca.key", "next/sa.key", "next/.etcd-ca.key.kubewright", "signing/0123456789ab.key"] {
        fs::write(pki.join(name), &key).unwrap();
    }
    fs::write(pki.join("apiserver.renewing"), "{\"key\": \"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\"}").unwrap();
    assert!(keys(root.path()).len() > 20);
    let planned = run(&root, "reset --dry-run");
    for path in
        ["/etc/kubernetes/pki/next/ca.key", "/etc/kubernetes/pki/apiserver.renewing", "/var/lib/kubewright/backup"]
    {
        assert!(planned.stdout.contains(path), "{path}: {planned}");
    }
    let done = run(&root, "reset --yes");
    assert_eq!(keys(root.path()), [""; 0]);
    assert!(!root.path().join("var/lib/kubewright").exists() && !pki.join("next").exists(), "{done}");
    done.stderr_has("removed 3 copies of earlier certificates and keys in /var/lib/kubewright/backup")
        .stderr_has("removed 1 unfinished renewals in /etc/kubernetes/pki")
        .stderr_has("files of a CA rotation in");
    run(&root, "reset --yes").stdout_has("nothing to do");
}

#[test]
fn copies_of_keys_are_kept_only_when_asked_and_named_as_what_they_are() {
    let root = control_plane();
    run(&root, "certs renew apiserver");
    run(&root, "reset --yes --keep-backups").stdout_has("may still give access to the cluster");
    let left = keys(root.path());
    assert!(left.len() == 1 && left[0].starts_with(BACKUP), "{left:?}");
    run(&root, "reset --yes");
    assert_eq!(keys(root.path()), [""; 0]);
}
