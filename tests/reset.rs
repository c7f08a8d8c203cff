//! `reset` on a directory of files: the leftovers of a cluster, and the output about them.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::os::unix::fs::symlink;
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

pub fn control_plane() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    run(&root, "init --config cluster.yaml");
    root
}

#[track_caller]
pub fn run(root: &TempDir, line: &str) -> Finished {
    Run::new(line.split(' ')).file("cluster.yaml", CONFIG).rootfs(root.path()).finish().exit(ExitCode::Ok)
}

/// Every file below `root` that holds a private key: as PEM, in a kubeconfig, or in a staged pair.
pub fn keys(root: &Path) -> Vec<String> {
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
    for directory in ["next", "signing"] {
        fs::create_dir(pki.join(directory)).unwrap();
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
    done.stderr_has("removed 3 backups of earlier certificates and keys in /var/lib/kubewright/backup")
        .stderr_has("removed 1 unfinished renewals in /etc/kubernetes/pki")
        .stderr_has("files of a CA rotation in");
    run(&root, "reset --yes").stdout_has("Nothing to do");
}

#[test]
fn backups_of_keys_are_kept_only_on_request_and_reported() {
    let root = control_plane();
    run(&root, "certs renew apiserver");
    run(&root, "reset --yes --keep-backups").stdout_has("may still give access to the cluster");
    let left = keys(root.path());
    assert!(left.len() == 1 && left[0].starts_with(BACKUP), "{left:?}");
    run(&root, "reset --yes");
    assert_eq!(keys(root.path()), [""; 0]);
}

/// The last key that could not be removed, with an error that names it.
pub fn refused(root: &TempDir) -> Finished {
    Run::new(["reset", "--yes"]).rootfs(root.path()).finish().exit(ExitCode::Input)
}

#[test]
fn a_link_in_place_of_a_kubeconfig_is_an_error_that_names_it() {
    let root = control_plane();
    let admin = root.path().join("etc/kubernetes/admin.conf");
    fs::create_dir_all(root.path().join("home/alice")).unwrap();
    fs::rename(&admin, root.path().join("home/alice/config")).unwrap();
    symlink("../../home/alice/config", &admin).unwrap();
    refused(&root).stderr_has("/etc/kubernetes/admin.conf (it is a link to ../../home/alice/config)");
    assert_eq!(keys(root.path()), ["etc/kubernetes/admin.conf", "home/alice/config"]);
}

#[test]
fn keys_behind_a_link_are_removed() {
    for (up, link) in
        [("../..", "etc/kubernetes/pki"), ("..", "etc/kubernetes"), ("../../..", "etc/kubernetes/pki/etcd")]
    {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data")).unwrap();
        fs::create_dir_all(root.path().join(link).parent().unwrap()).unwrap();
        fs::create_dir(root.path().join("data/there")).unwrap();
        symlink(format!("{up}/data/there"), root.path().join(link)).unwrap();
        run(&root, "init --config cluster.yaml");
        assert!(keys(root.path()).iter().any(|path| path.starts_with("data/there")), "{link}");
        run(&root, "reset --yes");
        assert_eq!(keys(root.path()), [""; 0], "{link}");
    }
}

/// It was reported as the data of a foreign etcd, which had not been changed.
#[test]
fn in_a_root_directory_the_data_of_the_hosts_own_etcd_are_reported_as_such() {
    let root = control_plane();
    fs::create_dir_all(root.path().join("var/lib/etcd/member/snap")).unwrap();
    fs::write(root.path().join("var/lib/etcd/member/snap/db"), "x").unwrap();
    run(&root, "reset --yes")
        .stdout_has("/var/lib/etcd/member: data of this host's etcd member")
        .stdout_has("its manifest and certificates were removed");
    run(&root, "reset --yes").stdout_has("/var/lib/etcd/member: data of an etcd; nothing on this host shows");
}

#[test]
fn the_data_in_an_external_etcd_are_reported() {
    let root = tempfile::tempdir().unwrap();
    let config = format!(
        "{CONFIG}etcd: {{external: {{endpoints: ['https://10.0.0.9:2379'], caFile: /e/ca.crt, \
                          certFile: /e/client.crt, keyFile: /e/client.key}}}}\n"
    );
    let other = control_plane();
    fs::create_dir(root.path().join("e")).unwrap();
    for (from, to) in [
        ("etcd/ca.crt", "ca.crt"),
        ("apiserver-etcd-client.crt", "client.crt"),
        ("apiserver-etcd-client.key", "client.key"),
    ] {
        fs::copy(other.path().join("etc/kubernetes/pki").join(from), root.path().join("e").join(to)).unwrap();
    }
    Run::new(["init", "--config", "c.yaml"]).file("c.yaml", config).rootfs(root.path()).finish().exit(ExitCode::Ok);
    run(&root, "reset --yes")
        .stdout_has("the cluster's data in the external etcd at https://10.0.0.9:2379, which reset does not change")
        .stdout_has("/e/client.key, the client key of the external etcd");
    assert_eq!(keys(root.path()), ["e/client.key"]);
}
