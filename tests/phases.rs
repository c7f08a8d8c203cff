//! Each phase of `init` by itself, dry runs, and runs with existing files.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The phases that write files, in their order, and the files of each below /etc/kubernetes or /var/lib/kubelet.
const PHASES: [(&str, &[&str]); 22] = [
    ("certs ca", &["pki/ca.crt", "pki/ca.key"]),
    ("certs apiserver", &["pki/apiserver.crt", "pki/apiserver.key"]),
    ("certs apiserver-kubelet-client", &["pki/apiserver-kubelet-client.crt", "pki/apiserver-kubelet-client.key"]),
    ("certs front-proxy-ca", &["pki/front-proxy-ca.crt", "pki/front-proxy-ca.key"]),
    ("certs front-proxy-client", &["pki/front-proxy-client.crt", "pki/front-proxy-client.key"]),
    ("certs etcd-ca", &["pki/etcd/ca.crt", "pki/etcd/ca.key"]),
    ("certs etcd-server", &["pki/etcd/server.crt", "pki/etcd/server.key"]),
    ("certs etcd-peer", &["pki/etcd/peer.crt", "pki/etcd/peer.key"]),
    ("certs etcd-healthcheck-client", &["pki/etcd/healthcheck-client.crt", "pki/etcd/healthcheck-client.key"]),
    ("certs apiserver-etcd-client", &["pki/apiserver-etcd-client.crt", "pki/apiserver-etcd-client.key"]),
    ("certs sa", &["pki/sa.key", "pki/sa.pub"]),
    ("kubeconfig admin", &["admin.conf"]),
    ("kubeconfig super-admin", &["super-admin.conf"]),
    ("kubeconfig kubelet", &["kubelet.conf"]),
    ("kubeconfig controller-manager", &["controller-manager.conf"]),
    ("kubeconfig scheduler", &["scheduler.conf"]),
    ("etcd local", &["manifests/etcd.yaml"]),
    ("control-plane apiserver", &["manifests/kube-apiserver.yaml"]),
    ("control-plane controller-manager", &["manifests/kube-controller-manager.yaml"]),
    ("control-plane scheduler", &["manifests/kube-scheduler.yaml"]),
    ("kubelet-start", &["config.yaml", "instance-config.yaml", "kubeadm-flags.env"]),
    // It writes where the kubelet has asked for its own certificate, which takes a running host.
    ("kubelet-finalize all", &[]),
];

/// A group runs all that stand below it in the table.
const GROUPS: [(&str, &str, &str); 5] = [
    ("certs all", "certs ", ""),
    ("kubeconfig all", "kubeconfig ", "certs all"),
    ("etcd all", "etcd ", ""),
    ("control-plane all", "control-plane ", ""),
    ("kubelet-start", "kubelet-start", ""),
];

fn config(algorithm: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n\
         localAPIEndpoint: {{advertiseAddress: 10.0.0.5}}\nnodeRegistration: {{name: cp1}}\n---\n\
         apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n\
         encryptionAlgorithm: {algorithm}\n"
    )
}

fn run(line: &str, root: &Path) -> Finished {
    let args = line.split(' ').chain(["--config", "cluster.yaml"]);
    Run::new(args).file("cluster.yaml", config("ECDSA-P256")).rootfs(root).finish()
}

/// The files below `root` by the names that the table uses.
fn files(root: &Path) -> BTreeSet<String> {
    let contents = whole::contents(root).into_iter().filter(|(_, bytes)| bytes.is_some());
    contents
        .map(|(path, _)| {
            let path = path.to_str().unwrap();
            let short = path.strip_prefix("etc/kubernetes/").or_else(|| path.strip_prefix("var/lib/kubelet/"));
            short.unwrap_or(path).to_owned()
        })
        .collect()
}

fn of_phases(start: &str) -> BTreeSet<String> {
    let phases = PHASES.iter().filter(|(phase, _)| phase.starts_with(start));
    phases.flat_map(|(_, files)| *files).map(|file| (*file).to_owned()).collect()
}

#[test]
fn phase_by_phase_the_tree_of_init_is_made_and_each_makes_only_its_own_files() {
    let root = tempfile::tempdir().unwrap();
    let mut before = BTreeSet::new();
    for (phase, own) in PHASES {
        run(&format!("init phase {phase}"), root.path()).exit(ExitCode::Ok);
        let now = files(root.path());
        let new: Vec<&String> = now.difference(&before).collect();
        assert_eq!(new, own.iter().collect::<Vec<_>>(), "{phase}");
        before = now;
    }
    whole::assert_all(root.path());
    let at_once = tempfile::tempdir().unwrap();
    run("init", at_once.path()).exit(ExitCode::Ok);
    assert_eq!(whole::names(root.path()), whole::names(at_once.path()));
    assert_eq!(before, of_phases(""));
    let output = run("init", root.path()).exit(ExitCode::Ok).stdout;
    assert!(output.starts_with("Already up to date; nothing changed.\n"), "{output}");
}

#[test]
fn groups_of_phases_make_all_of_theirs_and_nothing_else() {
    for (group, start, first) in GROUPS {
        let root = tempfile::tempdir().unwrap();
        if !first.is_empty() {
            run(&format!("init phase {first}"), root.path()).exit(ExitCode::Ok);
        }
        let before = files(root.path());
        run(&format!("init phase {group}"), root.path()).exit(ExitCode::Ok);
        assert_eq!(
            files(root.path()).difference(&before).cloned().collect::<BTreeSet<_>>(),
            of_phases(start),
            "{group}"
        );
    }
}

#[test]
fn skipped_phases_leave_their_files_out() {
    let root = tempfile::tempdir().unwrap();
    run("init --skip-phases etcd,control-plane/scheduler --skip-phases=kubelet-start", root.path()).exit(ExitCode::Ok);
    let skipped = of_phases("etcd").into_iter().chain(of_phases("control-plane scheduler"));
    let skipped: BTreeSet<String> = skipped.chain(of_phases("kubelet-start")).collect();
    assert_eq!(files(root.path()), of_phases("").difference(&skipped).cloned().collect());

    let wrong = tempfile::tempdir().unwrap();
    let finished = run("init --skip-phases control-plan", wrong.path()).exit(ExitCode::Usage);
    finished.stderr_has("did you mean 'control-plane'?");
    assert!(files(wrong.path()).is_empty());
}

#[test]
fn the_progress_of_an_interrupted_reset_is_ignored_for_the_next_cluster() {
    let root = tempfile::tempdir().unwrap();
    let note = root.path().join("var/lib/kubewright/leaving.json");
    std::fs::create_dir_all(note.parent().unwrap()).unwrap();
    std::fs::write(&note, r#"{"told": true, "dataDir": "/var/lib/etcd"}"#).unwrap();
    run("init --dry-run", root.path()).exit(ExitCode::Ok);
    assert!(note.exists());
    run("init", root.path()).exit(ExitCode::Ok);
    assert!(!note.exists());
}

#[test]
fn a_phase_without_what_it_needs_says_which_phase_makes_it() {
    for (phase, code, needed) in [
        ("certs apiserver", ExitCode::Input, "certs ca"),
        ("certs etcd-server", ExitCode::Input, "certs etcd-ca"),
        ("kubeconfig admin", ExitCode::Usage, "certs ca"),
        ("kubeconfig all", ExitCode::Usage, "certs ca"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let finished = run(&format!("init phase {phase}"), root.path()).exit(code);
        finished.stderr_has(&format!("run 'kubewright init phase {needed}'"));
        assert!(files(root.path()).is_empty(), "{phase}");
    }
}

/// The beginning of a private key, bare and as a kubeconfig holds it.
const KEYS: [&str; 4] = ["PRIVATE KEY-----\n", "PRIVATE KEY-----\\n", "UFJJVkFURSBLRV", "client-key-data: LS"];

#[test]
fn a_dry_run_shows_every_file_and_no_private_key_and_writes_nothing() {
    let real = tempfile::tempdir().unwrap();
    run("init", real.path()).exit(ExitCode::Ok);
    let root = tempfile::tempdir().unwrap();

    let text = run("init --dry-run", root.path()).exit(ExitCode::Ok).stdout;
    let full = run("init --dry-run -v", root.path()).exit(ExitCode::Ok).stdout;
    let json = run("init --dry-run -o json", root.path()).exit(ExitCode::Ok).stdout;
    assert!(whole::names(root.path()).is_empty());
    for secret in KEYS {
        assert!(!text.contains(secret) && !full.contains(secret) && !json.contains(secret), "{secret} is shown");
    }

    let outcome: Value = serde_json::from_str(&json).unwrap();
    let changes = outcome["changed"].as_array().unwrap();
    for (path, bytes) in whole::contents(real.path()) {
        let path = format!("/{}", path.display());
        let change = changes.iter().find(|change| change["path"] == path.as_str());
        let change = change.unwrap_or_else(|| panic!("{path} is not in the plan"));
        let Some(bytes) = bytes else { continue };
        assert!(full.contains(&format!("would write {path} (")), "{path} is not in the full text");
        let is_named = text.split([' ', ',', '\n']).any(|word| word == path);
        assert!(is_named, "{path} is not in the text");
        // Certificates and what holds them differ from run to run.
        if path.ends_with(".yaml") || path.ends_with(".env") {
            assert_eq!(change["after"], String::from_utf8(bytes).unwrap(), "{path}");
        }
    }
    assert_eq!(outcome["dryRun"], true);
    assert!(text.contains(" changes planned. Nothing was changed. Add -v"), "{text}");
}

/// A dry run printed 1,400 lines, most of them base64.
#[test]
fn the_plan_of_a_new_control_plane_fits_on_a_page_and_says_what_each_file_is() {
    let root = tempfile::tempdir().unwrap();
    let text = run("init --dry-run", root.path()).exit(ExitCode::Ok).stdout;
    assert!(text.lines().count() < 80, "{text}");
    let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= 80, "{widest}");
    assert!(!text.contains("BEGIN") && !text.contains("LS0tLS1"), "{text}");
    // Where lines are wrapped does not matter here.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "create 10 certificates (ca, ",
        "11 private keys; ",
        "4 static Pods (etcd, kube-apiserver, kube-controller-manager, kube-scheduler)",
        "create /etc/kubernetes/pki/etcd/server.crt (0644) CN=cp1, issued by CN=etcd-ca, server auth, client auth, expires ",
        " SANs cp1, localhost, 10.0.0.5, 127.0.0.1, ::1 ",
        " CN=kubernetes, self-signed, CA, expires ",
        "create private keys (0600, ECDSA-P256) /etc/kubernetes/pki/ca.key, ",
        "create kubeconfigs (0600) for https://10.0.0.5:6443, until ",
        "/etc/kubernetes/scheduler.conf (system:kube-scheduler)",
        " registry.k8s.io/kube-apiserver:v1.36.2 --advertise-address=10.0.0.5 ",
        "create /var/lib/kubelet/config.yaml (0644), ",
        "/var/lib/kubelet/kubeadm-flags.env (0644) KUBELET_KUBEADM_ARGS=",
    ] {
        assert!(flat.contains(part), "{part:?} is not in\n{text}");
    }
    let json: Value =
        serde_json::from_str(&run("init --dry-run -o json", root.path()).exit(ExitCode::Ok).stdout).unwrap();
    let about = |path: &str| {
        let change = json["changed"].as_array().unwrap().iter().find(|change| change["path"] == path).unwrap();
        change["about"].clone()
    };
    assert_eq!(
        about("/etc/kubernetes/pki/sa.key"),
        serde_json::json!({"kind": "privateKey", "algorithm": "ECDSA-P256"})
    );
    let server = &about("/etc/kubernetes/pki/apiserver.crt")["certificates"][0];
    assert_eq!((server["subject"].as_str(), server["isCa"].as_bool()), (Some("CN=kube-apiserver"), Some(false)));
    assert_eq!(about("/etc/kubernetes/kubelet.conf")["user"], "system:node:cp1");
    assert!(about("/etc/kubernetes/manifests/etcd.yaml")["image"].as_str().unwrap().contains("etcd:"));
}

/// Pods get the proxy variables of the process, which may have a password.
#[test]
fn no_form_of_a_plan_shows_the_password_of_a_proxy() {
    let root = tempfile::tempdir().unwrap();
    for line in ["init --dry-run", "init --dry-run -v", "init --dry-run -o json"] {
        let args = line.split(' ').chain(["--config", "cluster.yaml"]);
        let run = Run::new(args).file("cluster.yaml", config("ECDSA-P256")).rootfs(root.path());
        let done = run.var("HTTPS_PROXY", "http://jane:hunter22@proxy:3128").finish().exit(ExitCode::Ok);
        assert!(!done.stdout.contains("hunter22") && !done.stderr.contains("hunter22"), "{line}: {done}");
    }
}

#[test]
fn a_changed_certificate_or_kubeconfig_is_shown_by_its_facts() {
    let root = tempfile::tempdir().unwrap();
    run("init", root.path()).exit(ExitCode::Ok);
    for (name, path) in [("apiserver", "pki/apiserver.crt"), ("admin.conf", "admin.conf")] {
        let renew = Run::new(["certs", "renew", name, "--dry-run"]).rootfs(root.path());
        let text = renew.finish().exit(ExitCode::Ok).stdout;
        assert!(text.contains(&format!("  change /etc/kubernetes/{path} (06")), "{text}");
        assert!(text.contains("\n    -serial ") && text.contains("\n    +serial "), "{text}");
        assert!(!text.contains("BEGIN") && !text.contains("LS0t") && !text.contains("-subject"), "{text}");
    }
}

#[test]
fn a_dry_run_on_a_tree_shows_only_what_differs() {
    let root = tempfile::tempdir().unwrap();
    run("init", root.path()).exit(ExitCode::Ok);
    assert_eq!(run("init --dry-run", root.path()).exit(ExitCode::Ok).stdout, "No changes.\n");

    let manifest = root.path().join("etc/kubernetes/manifests/kube-scheduler.yaml");
    let right = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, right.replace("leader-elect=true", "leader-elect=false")).unwrap();
    let text = run("init --dry-run", root.path()).exit(ExitCode::Ok).stdout;
    assert!(text.contains("  change /etc/kubernetes/manifests/kube-scheduler.yaml (0600)\n"), "{text}");
    assert!(text.contains("    -    - --leader-elect=false\n    +    - --leader-elect=true\n"), "{text}");
    assert!(text.starts_with("1 change planned. Nothing was changed."), "{text}");

    run("init", root.path()).exit(ExitCode::Ok);
    assert_eq!(fs::read_to_string(&manifest).unwrap(), right);
}

#[test]
fn a_second_run_changes_nothing_at_all() {
    let root = tempfile::tempdir().unwrap();
    run("init", root.path()).exit(ExitCode::Ok);
    let before = whole::contents(root.path());
    let output = run("init", root.path()).exit(ExitCode::Ok).stdout;
    assert!(output.starts_with("Already up to date; nothing changed.\n"), "{output}");
    assert!(before == whole::contents(root.path()));
}

#[test]
fn a_missing_root_directory_is_created_but_not_by_a_dry_run() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("new/tree");
    run("init --dry-run", &root).exit(ExitCode::Ok);
    assert!(!directory.path().join("new").exists());
    run("init phase certs ca", &root).exit(ExitCode::Ok);
    assert_eq!(files(&root), of_phases("certs ca"));
}

/// The tree of a cluster whose CA keys are kept elsewhere.
fn without_ca_keys() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    run("init", root.path()).exit(ExitCode::Ok);
    for name in ["ca.key", "front-proxy-ca.key", "etcd/ca.key"] {
        fs::remove_file(root.path().join("etc/kubernetes/pki").join(name)).unwrap();
    }
    root
}

#[test]
fn with_an_external_ca_what_it_signed_is_kept_and_no_key_is_made() {
    let root = without_ca_keys();
    let mut before = whole::contents(root.path());
    run("init", root.path()).exit(ExitCode::Ok);
    let mut now = whole::contents(root.path());
    // Without the key this controller manager cannot sign, and kubeadm configures it accordingly.
    let manifest = Path::new("etc/kubernetes/manifests/kube-controller-manager.yaml");
    let text = String::from_utf8(now.remove(manifest).unwrap().unwrap()).unwrap();
    assert!(text.contains("--cluster-signing-key-file=\n"), "{text}");
    before.remove(manifest);
    assert!(before == now);
    let output = run("init", root.path()).exit(ExitCode::Ok).stdout;
    assert!(output.starts_with("Already up to date; nothing changed.\n"), "{output}");
}

#[test]
fn what_only_an_external_ca_can_sign_is_asked_for_by_name() {
    for missing in ["pki/apiserver.crt", "pki/etcd/peer.crt", "pki/front-proxy-client.crt", "scheduler.conf"] {
        let root = without_ca_keys();
        fs::remove_file(root.path().join("etc/kubernetes").join(missing)).unwrap();
        let before = whole::contents(root.path());
        let finished = run("init", root.path()).exit(ExitCode::Input);
        let name = missing.rsplit('/').next().unwrap().split('.').next().unwrap();
        assert!(finished.stderr.contains(name) && finished.stderr.contains("\nhelp: "), "{finished}");
        assert!(before == whole::contents(root.path()), "{missing}: something was written");
    }
}

#[test]
fn keys_are_of_the_kind_that_the_configuration_asks_for() {
    for (algorithm, output) in [("RSA-4096", "(4096 bit)"), ("ECDSA-P384", "(384 bit)"), ("ECDSA-P256", "(256 bit)")] {
        let root = tempfile::tempdir().unwrap();
        Run::new(["init", "phase", "certs", "ca", "--config", "cluster.yaml"])
            .file("cluster.yaml", config(algorithm))
            .rootfs(root.path())
            .finish()
            .exit(ExitCode::Ok);
        let authority = root.path().join("etc/kubernetes/pki/ca.crt");
        let shown = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(authority).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains(output), "{algorithm}: {shown}");
    }
}

#[test]
fn a_phase_of_kubeconfig_files_writes_them_to_the_given_directory() {
    let root = tempfile::tempdir().unwrap();
    let phase = |line: &str| {
        let run = Run::new(["init", "phase"].into_iter().chain(line.split(' ')).chain(["--config", "c.yaml"]));
        run.file("c.yaml", config("ECDSA-P256")).rootfs(root.path()).finish()
    };
    phase("certs ca").exit(ExitCode::Ok);
    phase("kubeconfig admin --kubeconfig-dir /srv/kubeconfigs").exit(ExitCode::Ok);
    assert!(root.path().join("srv/kubeconfigs/admin.conf").exists());
    assert!(!root.path().join("etc/kubernetes/admin.conf").exists());
    for flag in ["--kubeconfig-dir", "--kubeconfig"] {
        Run::new(["init", flag, "/x"]).rootfs(root.path()).finish().exit(ExitCode::Usage).stderr_has("init phase");
    }
}
