//! Many hosts: the file, the part that runs on each host, and what a plan says.

use crate::support::run::Run;
use kubewright::base::exit_code::ExitCode;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const FILE: &str = "apiVersion: kubewright.io/v1alpha1\nkind: Cluster\nhosts:\n- {ssh: root@10.0.0.11, role: control-plane}\n\
                    - {ssh: 10.0.0.21, labels: {disk: fast}}\n---\napiVersion: kubeadm.k8s.io/v1beta3\n\
                    kind: ClusterConfiguration\nkubernetesVersion: v1.30.0\n";
const TOKEN: &str = "abcdef.0123456789abcdef";

#[test]
fn a_file_with_hosts_is_validated_without_them() {
    Run::new(["config", "validate", "--config", "c.yaml"])
        .file("c.yaml", FILE)
        .finish()
        .exit(ExitCode::Ok)
        .stdout("c.yaml is valid: Cluster, ClusterConfiguration\n");
    Run::new(["config", "validate", "--config", "c.yaml"])
        .file("c.yaml", FILE.replace("hosts:", "podNetwork: calico\nhosts:"))
        .finish()
        .exit(ExitCode::Input)
        .stderr_has("podNetwork: \"calico\" is neither flannel nor the path or address of a manifest");
}

#[test]
fn errors_in_the_lines_of_hosts_are_reported_at_once() {
    let text = FILE.replace("role: control-plane", "role: master, prot: 22").replace("10.0.0.21", "root:pw@h");
    let finished = Run::new(["config", "validate", "--config", "c.yaml"]).file("c.yaml", text).finish();
    let finished = finished.exit(ExitCode::Input);
    for part in ["did you mean 'control-plane'?", "did you mean 'port'?", "passwords do not belong in this file"] {
        assert!(finished.stderr.contains(part), "{finished}");
    }
    assert!(!finished.stderr.contains("pw@"), "{finished}");
}

#[test]
fn a_file_of_kubeadm_is_not_taken_for_one_with_hosts() {
    let text = FILE.split_once("---\n").unwrap().1;
    Run::new(["plan", "-f", "c.yaml"])
        .file("c.yaml", text)
        .finish()
        .exit(ExitCode::Input)
        .stderr_has("the file has no document of kind Cluster");
}

#[test]
fn other_programs_clusters_are_ignored_as_before() {
    let text =
        format!("apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n---\n{}", FILE.split_once("---\n").unwrap().1);
    Run::new(["config", "validate", "--config", "c.yaml"])
        .file("c.yaml", text)
        .finish()
        .exit(ExitCode::Ok)
        .stderr_has("the document Cluster of cluster.x-k8s.io/v1beta1 is ignored");
}

#[test]
fn a_host_says_what_it_is_and_what_it_does_not_know() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("etc")).unwrap();
    std::fs::write(root.path().join("etc/hostname"), "w-1\n").unwrap();
    let finished = Run::new(["host", "facts", "--rootfs"]).arg(root.path()).finish().exit(ExitCode::Ok).stderr("");
    let facts: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&facts["hostname"], &facts["node"]), (&json!("w-1"), &Value::Null));
    assert!(!facts["unknown"].as_array().unwrap().is_empty(), "{facts}");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "it changed the host");
}

fn order(arguments: &[&str], input: &str) -> String {
    json!({ "arguments": arguments, "input": input }).to_string()
}

fn config() -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nbootstrapTokens: [{{token: {TOKEN}}}]\n\
         localAPIEndpoint: {{advertiseAddress: 10.0.0.1}}\nnodeRegistration: {{name: cp-1, criSocket: 'unix:///run/x.sock'}}\n---\n\
         apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.0\n"
    )
}

/// `init` that writes files below a root directory.
const INIT: [&str; 5] = ["init", "--config", "-", "--skip-phases", "preflight"];

#[test]
fn a_run_is_started_once_and_its_events_are_kept() {
    let root = tempfile::tempdir().unwrap();
    let run = || Run::new(["host", "run", "--id", "r-1", "--rootfs"]).arg(root.path()).stdin(order(&INIT, &config()));
    let first = run().finish().exit(ExitCode::Ok);
    let events: Vec<Value> = first.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[0]["command"]), (&json!("runStarted"), &json!("init")));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exitCode"]), (&json!("runDone"), &json!(0)), "{last}");
    assert!(last["changes"].as_u64().unwrap() > 10, "{last}");
    assert!(root.path().join("etc/kubernetes/admin.conf").exists());
    // The same id again: the same events, and nothing runs.
    let before = std::fs::metadata(root.path().join("etc/kubernetes/admin.conf")).unwrap().modified().unwrap();
    assert_eq!(run().finish().exit(ExitCode::Ok).stdout, first.stdout);
    let after = std::fs::metadata(root.path().join("etc/kubernetes/admin.conf")).unwrap().modified().unwrap();
    assert_eq!(before, after);
    // From any event.
    let from = (events.len() - 1).to_string();
    let rest = Run::new(["host", "attach", "--from", &from, "--rootfs"]).arg(root.path()).finish().exit(ExitCode::Ok);
    assert_eq!(rest.stdout.lines().count(), 1);
    let facts = Run::new(["host", "facts", "--rootfs"]).arg(root.path()).finish().exit(ExitCode::Ok);
    let facts: Value = serde_json::from_str(&facts.stdout).unwrap();
    assert_eq!(facts["run"], json!({ "id": "r-1", "command": "init", "running": false, "exitCode": 0 }));
    // What was kept has no secrets, and belongs to root alone.
    let kept = root.path().join("var/lib/kubewright/runs/r-1.ndjson");
    assert!(!std::fs::read_to_string(&kept).unwrap().contains("0123456789abcdef"));
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A run has its files while it works, and nothing of them is left.
#[test]
fn a_run_gets_the_files_that_were_sent_with_it() {
    let root = tempfile::tempdir().unwrap();
    let manifest = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: net}\n";
    let arguments = [&INIT[..], &["--pod-network", "./net.yaml", "--dry-run"]].concat();
    let run = |id: &str, text: &str| {
        let order = json!({ "arguments": arguments, "input": config(), "files": { "net.yaml": text } }).to_string();
        Run::new(["host", "run", "--id", id, "--rootfs"]).arg(root.path()).stdin(order).finish()
    };
    run("r-1", manifest).exit(ExitCode::Ok);
    let finished = run("r-2", "apiVersion: v1\n").exit(ExitCode::Input);
    assert!(finished.stdout.contains("net.yaml cannot be used"), "{finished}");
    let left: Vec<_> = std::fs::read_dir(root.path().join("var/lib/kubewright/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(left.iter().all(|name| name.ends_with(".ndjson")), "{left:?}");
}

#[test]
fn the_exit_code_of_a_run_is_that_of_its_command() {
    let root = tempfile::tempdir().unwrap();
    let finished = Run::new(["host", "run", "--id", "r-1", "--rootfs"])
        .arg(root.path())
        .stdin(order(&["join", "--config", "-"], "kind: JoinConfiguration\n"))
        .finish()
        .exit(ExitCode::Input);
    assert!(finished.stdout.contains("\"event\":\"error\""), "{finished}");
}

/// The connection is cut: the process that follows is killed, the one that works is not.
#[test]
fn a_run_survives_the_process_that_started_it() {
    let root = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubewright"))
        .args(["host", "run", "--id", "r-1", "--rootfs"])
        .arg(root.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(order(&INIT, &config()).as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let finished = Run::new(["host", "attach", "--id", "r-1", "--from", "1", "--rootfs"]).arg(root.path()).finish();
    let finished = finished.exit(ExitCode::Ok);
    assert!(finished.stdout.lines().last().unwrap().contains("\"exitCode\":0"), "{finished}");
    assert!(root.path().join("etc/kubernetes/admin.conf").exists());
}

#[test]
fn what_is_not_a_run_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let run = |id: &str, text: &str| {
        Run::new(["host", "run", "--id", id, "--rootfs"]).arg(root.path()).stdin(text).finish().exit(ExitCode::Usage)
    };
    run("r-1", "x").stderr_has("not the description of a command");
    run("r-1", &order(&["token", "list"], "")).stderr_has("\"token\" cannot be run this way");
    run("../x", &order(&["reset"], "")).stderr_has("has not had a run \"../x\"");
    Run::new(["host", "attach", "--rootfs"])
        .arg(root.path())
        .finish()
        .exit(ExitCode::Usage)
        .stderr_has("no run was started on this host");
    assert!(!Path::new(&root.path().join("etc")).exists());
}

mod needs_users {
    use super::*;
    use crate::ssh::server::{Running, fingerprint, server};
    use crate::support::run::Finished;

    /// A host with an id of its own, whose user needs no password for sudo.
    fn host(machine_id: &str) -> Running {
        let server = server().user("ops", "/bin/bash", &[(".bashrc", "echo noise\n")]);
        server.etc("sudoers", "ops ALL=(ALL) NOPASSWD: ALL\n").etc("machine-id", machine_id).start()
    }

    /// A line of `hosts` with a pinned host key.
    fn line(host: &Running, name: &str, more: &str) -> String {
        let (port, pin) = (host.port, fingerprint(&host.path("host_ed25519.pub")));
        let key = host.path("home/.ssh/id_ed25519").display().to_string();
        format!("- {{ssh: 'ops@127.0.0.1:{port}', name: {name}, hostKey: '{pin}', key: {key}, {more}}}\n")
    }

    fn plan(lines: &[String]) -> Finished {
        let text = format!("apiVersion: kubewright.io/v1alpha1\nkind: Cluster\nhosts:\n{}", lines.concat());
        let empty = tempfile::tempdir().unwrap();
        Run::new(["plan", "-f", "c.yaml", "-F", "none", "-o", "json"])
            .file("c.yaml", text)
            .file("none", "")
            .var("HOME", &empty.path().display().to_string())
            .finish()
    }

    #[test]
    #[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
    fn facts_are_gathered_as_root_from_every_host_that_responds() {
        let (first, second) = (host("aaaa\n"), host("bbbb\n"));
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let finished = plan(&[
            line(&first, "cp", "role: control-plane, address: 10.0.0.1"),
            line(&second, "w1", "address: 10.0.0.2"),
            format!("- {{ssh: 'ops@127.0.0.1:{dead}', name: w2, address: 10.0.0.3}}\n"),
        ]);
        let plan: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished}"));
        let actions: Vec<&str> =
            plan["hosts"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["init", "join", "unreachable"], "{finished}");
    }

    #[test]
    #[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
    fn two_lines_for_one_machine_are_refused() {
        let (first, second) = (host("aaaa\n"), host("aaaa\n"));
        let lines =
            [line(&first, "cp", "role: control-plane, address: 10.0.0.1"), line(&second, "w1", "address: 10.0.0.2")];
        let finished = plan(&lines).exit(ExitCode::Refused);
        assert!(finished.stdout.contains("cp and w1 have the same machine id, aaaa"), "{finished}");
    }

    #[test]
    #[ignore = "needs root, sshd, sudo, doas, zsh, fish and tcsh"]
    fn a_host_with_another_key_than_the_pinned_one_gets_nothing() {
        let (first, second) = (host("aaaa\n"), host("bbbb\n"));
        let pin = fingerprint(&second.path("host_ed25519.pub"));
        let real = fingerprint(&first.path("host_ed25519.pub"));
        let lines = [line(&first, "cp", "role: control-plane").replace(&real, &pin)];
        let finished = plan(&lines).exit(ExitCode::Refused);
        assert!(finished.stdout.contains(&real), "{finished}");
        assert!(!first.log().contains("Accepted"), "{}", first.log());
    }
}
