//! `preflight` and `config images pull` on a host that is a directory: the checks made there, and the hints.

use crate::support::run::Run;
use kubewright::base::exit_code::ExitCode;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

const HOST: [&str; 6] =
    ["--node-name", "n1", "--apiserver-advertise-address", "10.0.0.7", "--kubernetes-version", "v1.20.2"];

fn preflight(root: &TempDir) -> Run {
    Run::new(["preflight"]).rootfs(root.path())
}

fn on_host(root: &TempDir) -> Run {
    HOST.into_iter().fold(preflight(root), Run::arg)
}

/// A host on which another cluster left a manifest.
fn used() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
    fs::write(root.path().join("etc/kubernetes/manifests/etcd.yaml"), "kind: Pod\n").unwrap();
    root
}

#[test]
fn a_ready_host_gets_exit_code_0() {
    let root = tempfile::tempdir().unwrap();
    on_host(&root).finish().exit(ExitCode::Ok).stdout_has("This host is ready for 'kubewright init'").stderr("");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn for_a_host_that_is_not_ready_check_path_and_fix_are_shown_within_80_columns() {
    const ID: &str = "FileAvailable--etc-kubernetes-manifests-etcd.yaml";
    let finished = on_host(&used()).finish().exit(ExitCode::Preflight);
    let report = finished.stdout;
    for words in [ID, "/etc/kubernetes/manifests/etcd.yaml already exists", "fix: run", "not ready", "1 error."] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    assert!(report.lines().all(|line| line.chars().count() <= 80), "{report}");

    let json = on_host(&used()).arg("-ojson").finish().exit(ExitCode::Preflight).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["fit"], &json["role"]), (&Value::from(false), &Value::from("firstControlPlane")));
    let finding = &json["findings"][0];
    assert_eq!((&finding["id"], &finding["severity"]), (&Value::from(ID), &Value::from("error")));
    assert!(finding["where"].is_string() && finding["fix"].is_string());
}

#[test]
fn certificates_in_another_directory_are_not_treated_as_lost() {
    let root = tempfile::tempdir().unwrap();
    for path in ["etc/kubernetes/admin.conf", "srv/pki/ca.crt"] {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), "").unwrap();
    }
    on_host(&root).finish().exit(ExitCode::Preflight).stdout_has("CertificatesLost").stdout_has("'kubewright reset'");
    let run = on_host(&root).arg("--cert-dir=/srv/pki").arg("--control-plane-endpoint=lb.example:6443");
    run.finish().exit(ExitCode::Ok).stdout_has("ready for 'kubewright init'");
}

#[test]
fn what_the_user_ignores_does_not_fail() {
    let root = used();
    let run = on_host(&root).arg("--ignore-preflight-errors=all").arg("--fail-on=warning");
    run.finish().exit(ExitCode::Ok).stdout_has("IGNORED FileAvailable");
}

#[test]
fn a_file_for_join_is_checked_for_join() {
    let join = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\nnodeRegistration:\n  name: n1\n\
                discovery:\n  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: 10.0.0.1:6443\n    \
                unsafeSkipCAVerification: true\n";
    let root = tempfile::tempdir().unwrap();
    let run = preflight(&root).file("join.yaml", join).arg("--config=join.yaml").arg("-ojson");
    let json: Value = serde_json::from_str(&run.finish().exit(ExitCode::Ok).stdout).unwrap();
    assert_eq!(json["role"], "worker");
    let run = Run::new(["preflight", "join", "--control-plane", "--node-name", "n1"]).rootfs(root.path());
    let run = run.arg("--apiserver-advertise-address=10.0.0.7").arg("-ojson");
    let json: Value = serde_json::from_str(&run.finish().exit(ExitCode::Ok).stdout).unwrap();
    assert_eq!(json["role"], "controlPlane");
}

#[test]
fn the_client_certificate_of_an_external_etcd_is_missed_before_init() {
    let config = "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration:\n  name: n1\nlocalAPIEndpoint:\n  \
                  advertiseAddress: 10.0.0.7\n---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n\
                  kubernetesVersion: v1.24.0\netcd:\n  external:\n    endpoints: [https://10.0.0.9:2379]\n    \
                  caFile: /etcd/ca.crt\n    certFile: /etcd/client.crt\n    keyFile: /etcd/client.key\n";
    let root = tempfile::tempdir().unwrap();
    let run = preflight(&root).file("c.yaml", config).arg("--config=c.yaml");
    run.finish().exit(ExitCode::Preflight).stdout_has("/etcd/client.crt is not there").stdout_has("3 errors");
}

#[test]
fn undoing_without_earlier_fixes_says_so() {
    let root = tempfile::tempdir().unwrap();
    preflight(&root).arg("--undo-fix").finish().exit(ExitCode::Ok).stdout_has("Nothing to revert");
    preflight(&root).arg("--undo-fix").arg("--fix").finish().exit(ExitCode::Usage);
}

#[test]
fn undoing_puts_back_what_the_journal_has_and_shows_it_first() {
    const JOURNAL: &str = r#"{"schema": 1, "changes": [{"what": "x", "check": "Swap", "at": 1, "inverse": {
        "kind": "restoreFile", "path": "/etc/fstab", "before": "old\n", "mode": 420, "restart": null,
        "written": "7aa7a5359173d05b63cfd682e3c38487f3cb4f7f1d60659fe59fab1505977d4c"}}]}"#;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir_all(path("etc")).unwrap();
    fs::create_dir_all(path("var/lib/kubewright")).unwrap();
    fs::write(path("etc/fstab"), "new\n").unwrap();
    fs::write(path("var/lib/kubewright/journal.json"), JOURNAL).unwrap();
    let plan = preflight(&root).arg("--undo-fix").arg("--dry-run").finish().exit(ExitCode::Ok).stdout;
    assert!(plan.contains("-new") && plan.contains("+old") && plan.contains("1 change planned"), "{plan}");
    assert_eq!(fs::read_to_string(path("etc/fstab")).unwrap(), "new\n");
    preflight(&root).arg("--undo-fix").finish().exit(ExitCode::Ok).stdout_has("restored /etc/fstab");
    assert_eq!(fs::read_to_string(path("etc/fstab")).unwrap(), "old\n");
    assert!(!path("var/lib/kubewright/journal.json").exists());
}

#[test]
fn images_are_pulled_on_a_running_host_only() {
    let root = tempfile::tempdir().unwrap();
    Run::new(["config", "images", "pull", "--kubernetes-version=v1.20.2"])
        .rootfs(root.path())
        .finish()
        .exit(ExitCode::Host)
        .stdout("")
        .stderr_has("omit --rootfs");
}

/// 'preflight join --fix' was refused when '--undo-fix' took the place of '--fix'.
#[test]
fn undoing_takes_the_words_of_the_command_that_fixed() {
    let root = tempfile::tempdir().unwrap();
    let run = Run::new(["preflight", "join", "--undo-fix"]).rootfs(root.path()).finish();
    run.exit(ExitCode::Ok);
}
