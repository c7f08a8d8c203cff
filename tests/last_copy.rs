//! What is reported and advised on a host that may hold the only copy of a cluster.

use crate::support::run::Run;
use kubewright::base::exit_code::ExitCode;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
     localAPIEndpoint: {advertiseAddress: 10.0.0.5}\nnodeRegistration: {name: cp1}\n---\n\
     apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n\
     networking: {podSubnet: 10.244.0.0/16}\nencryptionAlgorithm: ECDSA-P256\n";
const ETCD: &str = "etc/kubernetes/manifests/etcd.yaml";
const ETCD_ID: &str = "FileAvailable--etc-kubernetes-manifests-etcd.yaml";
/// What would remove or replace something that a cluster needs.
const DESTRUCTIVE: [&str; 7] =
    ["reset", "mv ", "rm ", "move it away", "rename", "will be generated", "will be written"];

/// A control plane whose etcd has run.
fn control_plane() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let run = Run::new(["init", "--config=c.yaml"]).file("c.yaml", CONFIG).rootfs(root.path());
    run.finish().exit(ExitCode::Ok);
    put(root.path(), "var/lib/etcd/member/wal/0.wal", "x");
    put(root.path(), "var/lib/etcd/member/snap/db", "x");
    root
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn remove(root: &Path, path: &str) {
    fs::remove_file(root.join(path)).unwrap();
}

fn add_flag(root: &Path) {
    let text = fs::read_to_string(root.join(ETCD)).unwrap();
    let edited = text.replacen("    - etcd\n", "    - etcd\n    - --quota-backend-bytes=8589934592\n", 1);
    assert_ne!(text, edited);
    put(root, ETCD, &edited);
}

/// A journal in which etcd's manifest is another one; a control plane that another tool made has none.
fn note_manifest(root: &Path) {
    let record = r#"{"sha256": "00", "phase": "etcd/local", "input": "", "at": 1}"#;
    let text = format!(r#"{{"schema": 2, "files": {{"/{ETCD}": {record}}}}}"#);
    put(root, "var/lib/kubewright/journal.json", &text);
}

/// What `preflight` finds: the names of the checks, and everything that it says.
fn findings(root: &Path, config: Option<&str>) -> (Vec<String>, String) {
    let mut run = Run::new(["preflight", "-ojson"]).rootfs(root);
    run = match config {
        Some(config) => run.file("c.yaml", config).arg("--config=c.yaml"),
        None => run.args(["--node-name=cp1", "--apiserver-advertise-address=10.0.0.5"]),
    };
    let json: Value = serde_json::from_str(&run.finish().stdout).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let ids = findings.iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
    (ids, findings.iter().map(|finding| format!("{}\n{}\n", finding["what"], finding["fix"])).collect())
}

#[track_caller]
fn assert_harmless(text: &str) {
    for word in DESTRUCTIVE {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

/// A flag that was added to etcd's manifest by hand made the cluster another's, and the advice was to destroy it.
#[test]
fn a_manifest_that_was_edited_by_hand_does_not_make_a_cluster_foreign() {
    let root = control_plane();
    assert_eq!(findings(root.path(), Some(CONFIG)).0, [""; 0]);
    add_flag(root.path());
    for journal in [false, true] {
        if journal {
            note_manifest(root.path());
        }
        let (ids, text) = findings(root.path(), Some(CONFIG));
        assert_eq!(ids, [ETCD_ID], "{text}");
        assert!(text.contains("with --quota-backend-bytes") && !text.contains("8589934592"), "{text}");
        assert!(text.contains("into a patch"), "{text}");
        assert_harmless(&text);
    }
}

#[test]
fn an_invalid_or_missing_manifest_does_not_make_a_cluster_foreign() {
    for journal in [true, false] {
        let root = control_plane();
        if journal {
            note_manifest(root.path());
        }
        put(root.path(), ETCD, "spec:\n  containers: [\n");
        let (ids, text) = findings(root.path(), Some(CONFIG));
        assert_eq!(ids, [ETCD_ID], "{text}");
        assert!(text.contains("not valid YAML") && text.contains("line 3"), "{text}");
        assert_harmless(&text);
        remove(root.path(), ETCD);
        let (ids, text) = findings(root.path(), Some(CONFIG));
        assert_eq!(ids, [""; 0], "{text}");
    }
}

#[test]
fn a_control_plane_that_is_looked_at_without_its_configuration_or_admin_conf_is_not_foreign() {
    for (gone, journal) in [(None, true), (None, false), (Some("admin.conf"), true), (Some("admin.conf"), false)] {
        let root = control_plane();
        if let Some(gone) = gone {
            remove(root.path(), &format!("etc/kubernetes/{gone}"));
        }
        if journal {
            note_manifest(root.path());
        }
        let (ids, text) = findings(root.path(), None);
        assert!(!ids.iter().any(|id| id.starts_with("DirAvailable") || id.starts_with("Certificates")), "{text}");
        assert!(!text.contains("another cluster") && !text.contains("v1.36.2"), "{text}");
        assert_harmless(&text);
    }
}

#[test]
fn data_whose_certificates_are_lost_or_of_another_ca_is_kept() {
    let root = control_plane();
    fs::remove_dir_all(root.path().join("etc/kubernetes/pki")).unwrap();
    let (ids, text) = findings(root.path(), Some(CONFIG));
    assert!(ids.contains(&"CertificatesLost".to_owned()) && text.contains("backup"), "{ids:?} {text}");
    assert_harmless(&text);

    let run = Run::new(["init", "phase", "certs", "all", "--config=c.yaml"]).file("c.yaml", CONFIG);
    run.rootfs(root.path()).finish().exit(ExitCode::Ok);
    let (ids, text) = findings(root.path(), Some(CONFIG));
    assert!(ids.contains(&"CertificatesLost".to_owned()), "{ids:?} {text}");
    assert!(text.contains("trusts another CA than") && text.contains("may be the only copy"), "{text}");
    assert_harmless(&text);
}

#[test]
fn data_without_anything_else_is_kept_and_named_by_its_ids() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "var/lib/etcd/member/snap/db", "x");
    let (_, text) = findings(root.path(), Some(CONFIG));
    assert!(text.contains("etcd data in /var/lib/etcd"), "{text}");
    assert_harmless(&text);
}

#[test]
fn what_a_worker_left_may_be_removed() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "etc/kubernetes/kubelet.conf", "");
    let text = Run::new(["preflight", "join", "--node-name=n1"]).rootfs(root.path()).finish().stdout;
    assert!(text.contains("kubewright reset"), "{text}");
    put(root.path(), "var/lib/etcd/member/snap/db", "x");
    let text = Run::new(["preflight", "join", "--node-name=n1"]).rootfs(root.path()).finish().stdout;
    assert_harmless(&text);
}

/// A certificate of another CA was found fit, and `init` advised to replace etcd's CA.
#[test]
fn a_certificate_of_another_ca_is_found_and_the_ca_is_kept() {
    let (root, other) = (control_plane(), control_plane());
    let file = "etc/kubernetes/pki/apiserver-etcd-client.crt";
    fs::copy(other.path().join(file), root.path().join(file)).unwrap();
    let (ids, text) = findings(root.path(), Some(CONFIG));
    assert_eq!(ids, ["CertificateSigner"], "{text}");
    assert!(text.contains("certs renew apiserver-etcd-client"), "{text}");
    assert_harmless(&text);
}
