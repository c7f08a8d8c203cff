//! `status` and `doctor` on a host that is a directory and whose API does not respond, and the archive for others.

use crate::support::run::Run;
use kubewright::base::exit_code::ExitCode;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const CLUSTER: &str = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: \
    {advertiseAddress: 10.0.0.5}\nnodeRegistration: {name: cp1}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: \
    ClusterConfiguration\nkubernetesVersion: v1.36.2\nencryptionAlgorithm: ECDSA-P256\n";

/// The files of a control plane whose API server is at an address where nothing listens.
fn control_plane() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/hostname"), "cp1\n").unwrap();
    let run = Run::new(["init", "--config", "cluster.yaml"]).file("cluster.yaml", CLUSTER);
    assert_eq!(run.rootfs(root.path()).finish().code, 0);
    let path = root.path().join("etc/kubernetes/admin.conf");
    let text = fs::read_to_string(&path).unwrap().replace("https://10.0.0.5:6443", "https://127.0.0.1:1");
    fs::write(path, text).unwrap();
    root
}

fn object(root: &Path, line: &str, code: ExitCode) -> Value {
    let finished = Run::new(line.split(' ')).rootfs(root).finish().exit(code);
    serde_json::from_str(&finished.stdout).unwrap()
}

fn ids(object: &Value, list: &str) -> Vec<String> {
    object[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_removed_manifest_comes_before_the_api_that_is_down_and_doctor_agrees() {
    let root = control_plane();
    let status = object(root.path(), "status -o json", ExitCode::Unhealthy);
    assert_eq!(ids(&status, "causes").first().map(String::as_str), Some("EtcdQuorumLost"));
    fs::remove_file(root.path().join("etc/kubernetes/manifests/kube-scheduler.yaml")).unwrap();
    let status = object(root.path(), "status -o json", ExitCode::Unhealthy);
    assert_eq!(ids(&status, "causes").first().map(String::as_str), Some("ManifestMissing"));
    assert!(ids(&status, "causes").contains(&"ApiDown".to_owned()));
    assert!(status["nodes"].is_null() && status["certificates"]["list"].as_array().unwrap().len() > 10);
    let doctor = object(root.path(), "doctor -o json", ExitCode::Unhealthy);
    assert_eq!(ids(&doctor, "findings").first().map(String::as_str), Some("ManifestMissing"));
    assert!(!doctor["notChecked"].as_array().unwrap().is_empty());
}

#[test]
fn a_manifest_that_cannot_be_parsed_is_named_with_its_line() {
    let root = control_plane();
    let path = root.path().join("etc/kubernetes/manifests/kube-scheduler.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("spec:", "  spec: [");
    fs::write(&path, text).unwrap();
    let finished = Run::new(["status"]).rootfs(root.path()).finish().exit(ExitCode::Unhealthy);
    let first = finished.stdout.lines().next().unwrap();
    assert!(first.starts_with("CRITICAL: the manifest of kube-scheduler on cp1 cannot be used"), "{first}");
}

/// The certificates were unknown as soon as the manifest of the API server was broken.
#[test]
fn a_manifest_that_cannot_be_parsed_hides_no_certificate() {
    let root = control_plane();
    fs::write(root.path().join("etc/kubernetes/manifests/kube-apiserver.yaml"), ": : [").unwrap();
    let status = object(root.path(), "status -o json", ExitCode::Unhealthy);
    assert!(status["certificates"]["list"].as_array().unwrap().len() > 10, "{status}");
}

#[test]
fn an_archive_is_read_by_tar_lists_its_files_and_has_no_secret() {
    let root = control_plane();
    let kubernetes = root.path().join("etc/kubernetes");
    fs::create_dir_all(root.path().join("etc/default")).unwrap();
    fs::write(root.path().join("etc/default/kubelet"), "KUBELET_EXTRA_ARGS=--token=abc123secret456\n").unwrap();
    let file = root.path().join("report.tar.gz");
    let args = ["doctor", "report", file.to_str().unwrap()];
    Run::new(args).rootfs(root.path()).var("PASSWORD", "hunter2-hunter2").finish().exit(ExitCode::Ok);
    let tar = |args: &[&str]| {
        let output = Command::new("tar").args(args).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let names = tar(&["-tzf"]);
    let all = tar(&["--to-stdout", "-xzf"]);
    for name in [
        "CONTENTS.txt",
        "doctor.json",
        "status.txt",
        "cp1/etc/kubernetes/manifests/etcd.yaml",
        "cp1/etc/kubernetes/admin.conf",
    ] {
        assert!(names.lines().any(|line| line == format!("kubewright-report/{name}")), "no {name} in\n{names}");
        assert!(name == "CONTENTS.txt" || all.contains(name), "{name} is not listed");
    }
    assert!(!names.contains(".key") || all.contains("names.txt"), "{names}");
    for secret in ["PRIVATE KEY", "abc123secret456", "hunter2"] {
        assert!(!all.contains(secret), "{secret}");
    }
    // The key of the administrator, in any wrapping of its text.
    let config = fs::read_to_string(kubernetes.join("admin.conf")).unwrap();
    let key = config.lines().find_map(|line| line.trim().strip_prefix("client-key-data: ")).unwrap();
    assert!(!all.contains(&key[60..104]), "the key of admin.conf");
    let again = Run::new(args).rootfs(root.path()).finish().exit(ExitCode::Input);
    assert!(again.stderr.contains("already exists"), "{again}");
}

#[test]
fn a_kubeconfig_of_another_cluster_shows_that_cluster_without_this_host() {
    let (root, other) = (control_plane(), control_plane());
    let kubeconfig = other.path().join("etc/kubernetes/admin.conf");
    let copy = root.path().join("other.conf");
    fs::copy(kubeconfig, &copy).unwrap();
    let finished = Run::new(["status", "-o", "json", "--kubeconfig", "/other.conf"]).rootfs(root.path()).finish();
    let status: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert!(status["host"].is_null() && status["certificates"].is_null(), "{finished}");
    assert_eq!(ids(&status, "causes"), ["ApiDown"]);
}
