use super::super::cleanup_node::CleanupNode;
use super::*;
use crate::context::leaving::fixture;
use crate::context::{Reset, Run};
use crate::pipeline::{Phase, Target};
use std::os::unix::fs::symlink;

const MANAGER: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";
const NAMES_CA: &str = "spec: {containers: [{command: [--cluster-signing-key-file=/etc/kubernetes/pki/ca.key, \
                        --root-ca-file=/etc/kubernetes/pki/ca.crt]}]}";

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn clean(root: &Path) -> Run<Reset> {
    let mut cx = fixture(root);
    CleanupNode.run(&mut cx, &Target { path: "cleanup-node".into(), item: None }).unwrap();
    cx
}

fn exposed(cx: &Run<Reset>) -> Vec<String> {
    cx.work.exposed.iter().map(|kept| kept.path.display().to_string()).collect()
}

fn exists(root: &Path, path: &str) -> bool {
    root.join(path).symlink_metadata().is_ok()
}

#[test]
fn keys_behind_a_link_that_a_component_uses_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["ca.key", "ca.crt", "sa.key", "etcd/ca.key", "next/ca.key", "apiserver.renewing", "mine.pem"] {
        put(root, &format!("data/pki/{name}"), "x");
    }
    put(root, MANAGER, NAMES_CA);
    symlink("/data/pki", root.join("etc/kubernetes/pki")).unwrap();
    let cx = clean(root);
    assert_eq!(exposed(&cx), [""; 0]);
    for name in ["ca.key", "ca.crt", "sa.key", "etcd/ca.key", "next/ca.key", "apiserver.renewing"] {
        assert!(!exists(root, &format!("data/pki/{name}")), "{name}");
    }
    assert!(exists(root, "data/pki/mine.pem") && exists(root, "etc/kubernetes/pki"));
    let emptied: Vec<_> = cx.work.kept.iter().filter(|kept| kept.why == Why::Emptied).collect();
    assert_eq!(emptied.len(), 1, "{emptied:?}");
    assert_eq!(clean(root).host.gate.count(), 0);
}

#[test]
fn kubeconfigs_and_manifests_are_removed_behind_a_link_to_the_whole_directory() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["admin.conf", "super-admin.conf", "manifests/etcd.yaml", "manifests/mine.yaml", "pki/mine.pem"] {
        put(root, &format!("data/k8s/{name}"), "x");
    }
    put(root, "data/kubelet/pki/kubelet-client-current.pem", "x");
    put(root, "data/kubelet/seccomp/mine.json", "x");
    for (target, link) in [("../data/k8s", "etc/kubernetes"), ("/data/kubelet", "var/lib/kubelet")] {
        std::fs::create_dir_all(root.join(link).parent().unwrap()).unwrap();
        symlink(target, root.join(link)).unwrap();
    }
    let cx = clean(root);
    assert_eq!(exposed(&cx), [""; 0]);
    for name in ["k8s/admin.conf", "k8s/super-admin.conf", "k8s/manifests/etcd.yaml", "kubelet/pki"] {
        assert!(!exists(root, &format!("data/{name}")), "{name}");
    }
    for name in ["k8s/manifests/mine.yaml", "k8s/pki/mine.pem", "kubelet/seccomp/mine.json"] {
        assert!(exists(root, &format!("data/{name}")), "{name}");
    }
}

#[test]
fn a_key_behind_its_own_link_is_removed_if_a_component_uses_it_and_reported_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    put(root, "secure/ca.key", "x");
    put(root, "home/alice/config", "mine");
    put(root, MANAGER, NAMES_CA);
    std::fs::create_dir_all(root.join("etc/kubernetes/pki")).unwrap();
    symlink("/secure/ca.key", root.join("etc/kubernetes/pki/ca.key")).unwrap();
    symlink("/home/alice/config", root.join("etc/kubernetes/admin.conf")).unwrap();
    let cx = clean(root);
    assert!(!exists(root, "secure/ca.key") && !exists(root, "etc/kubernetes/pki/ca.key"));
    assert!(exists(root, "home/alice/config"));
    assert_eq!(exposed(&cx), ["/etc/kubernetes/admin.conf"]);
}

#[test]
fn a_directory_that_no_component_uses_belongs_to_the_user() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    put(root, "srv/corporate/ca.key", "x");
    std::fs::create_dir_all(root.join("etc/kubernetes")).unwrap();
    symlink("/srv/corporate", root.join("etc/kubernetes/pki")).unwrap();
    assert_eq!(exposed(&clean(root)), [""; 0]);
    assert!(exists(root, "srv/corporate/ca.key"));
}
