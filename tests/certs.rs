//! `certs …` on a directory of files: exit codes by threshold, interrupted renewals, certificate signing requests and
//! signed certificates, and input that is refused without changes.

use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use kubewright::base::files::HostFiles;
use kubewright::base::gate::Gate;
use kubewright::host::lock::HostLock;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A control plane's files, whose certificates end after `validity`.
pub fn tree(validity: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    Run::new(["init", "--config", "c.yaml"])
        .file("c.yaml", config(validity))
        .rootfs(root.path())
        .finish()
        .exit(ExitCode::Ok);
    root
}

pub fn config(validity: &str) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {{advertiseAddress: 10.0.0.5}}\n\
         nodeRegistration: {{name: cp1}}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
         kubernetesVersion: v1.36.2\nencryptionAlgorithm: ECDSA-P256\ncertificateValidityPeriod: {validity}\n"
    )
}

fn certs(root: &TempDir, line: &str) -> Finished {
    Run::new(["certs"].into_iter().chain(line.split(' '))).rootfs(root.path()).finish()
}

fn pki(root: &TempDir, name: &str) -> std::path::PathBuf {
    root.path().join("etc/kubernetes/pki").join(name)
}

/// Long values were folded over several lines.
#[test]
fn certificates_in_kubeconfigs_are_found_with_grep_awk_and_base64() {
    let root = tree("8760h0m0s");
    fs::create_dir_all(root.path().join("root")).unwrap();
    fs::write(root.path().join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    Run::new(["kubeconfig", "install", "--user", "root"]).rootfs(root.path()).finish().exit(ExitCode::Ok);
    let recipe = "set -e; for field in certificate-authority-data client-certificate-data client-key-data; do
        grep $field \"$1\" | awk '{print $2}' | base64 -d | grep -q -- '-----END'; done";
    for file in ["etc/kubernetes/admin.conf", "etc/kubernetes/kubelet.conf", "root/.kube/config"] {
        let output = Command::new("sh").args(["-c", recipe, "sh"]).arg(root.path().join(file)).output().unwrap();
        assert!(output.status.success(), "{file}: {output:?}");
    }
    for (path, bytes) in whole::contents(root.path()) {
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let folded = text.lines().find(|line| line.trim_end_matches(['-', '+']).ends_with(": >"));
        assert_eq!(folded, None, "{}", path.display());
    }
}

#[test]
fn check_expiration_fails_by_the_thresholds_that_were_given() {
    let hour = tree("1h0m0s");
    for (flags, code) in [
        ("", ExitCode::Threshold),
        (" --critical 30m", ExitCode::Ok),
        (" --critical 0", ExitCode::Ok),
        (" --critical 2h", ExitCode::Threshold),
        (" --critical 30m --warn 40m", ExitCode::Ok),
        (" --critical 30m --warn 90m", ExitCode::Warning),
        (" --critical 2h --warn 3h", ExitCode::Threshold),
    ] {
        certs(&hour, &format!("check-expiration{flags}")).exit(code);
    }
    let year = tree("8760h0m0s");
    certs(&year, "check-expiration").exit(ExitCode::Ok);
    certs(&year, "check-expiration --warn 400d").exit(ExitCode::Warning);
    // Monitoring that reads JSON distinguishes them by each certificate.
    for (flags, severity) in [("--warn 400d", "warning"), ("--critical 400d", "critical"), ("--critical 1d", "ok")] {
        let line = format!("check-expiration {flags} -o json");
        let found: serde_json::Value = serde_json::from_str(&certs(&year, &line).stdout).unwrap();
        assert_eq!(found["severity"], severity, "{flags}");
        assert_eq!(found["certificates"][0]["severity"], severity, "{flags}");
    }
    let empty = tempfile::tempdir().unwrap();
    certs(&empty, "check-expiration").exit(ExitCode::Input).stderr_has("no Kubernetes certificates");
}

#[test]
fn input_that_cannot_be_used_is_refused_and_nothing_is_changed() {
    type Break = fn(&TempDir);
    let cases: [(&str, Break, ExitCode, &str); 6] = [
        ("renew apiservr", |_| {}, ExitCode::Usage, "did you mean 'apiserver'?"),
        ("renew apiserver", |root| fs::remove_file(pki(root, "ca.key")).unwrap(), ExitCode::Input, "generate-csr"),
        ("renew apiserver", |root| fs::write(pki(root, "ca.key"), "no key\n").unwrap(), ExitCode::Input, "ca.key"),
        (
            "renew apiserver",
            |root| fs::write(pki(root, "ca.key"), fs::read(pki(root, "front-proxy-ca.key")).unwrap()).unwrap(),
            ExitCode::Input,
            "does not match",
        ),
        ("renew apiserver", |root| fs::remove_file(pki(root, "ca.crt")).unwrap(), ExitCode::Input, "ca.crt is missing"),
        ("renew nothing.conf", |_| {}, ExitCode::Usage, "the names are"),
    ];
    for (line, damage, code, said) in cases {
        let root = tree("8760h0m0s");
        damage(&root);
        let before = whole::contents(&root.path().join("etc"));
        certs(&root, line).exit(code).stderr_has(said);
        assert!(before == whole::contents(&root.path().join("etc")), "{line}: something was changed");
    }
}

/// Has OpenSSL sign what `generate-csr` asks for, as the owner of an external CA would.
fn sign(directory: &Path, ca: &str, request: &str, usage: &str, out: &Path) {
    let text = openssl(&["req", "-in", request, "-noout", "-text"]);
    let names = text.lines().skip_while(|line| !line.contains("Subject Alternative Name")).nth(1);
    let names = names.map(|names| format!("subjectAltName={}\n", names.trim().replace("IP Address", "IP")));
    let extensions = directory.join("ext");
    fs::write(&extensions, format!("{}extendedKeyUsage={usage}\n", names.unwrap_or_default())).unwrap();
    fs::create_dir_all(out.parent().unwrap()).unwrap();
    let (crt, key) = (format!("{ca}.crt"), format!("{ca}.key"));
    let (extensions, out) = (extensions.to_str().unwrap(), out.to_str().unwrap());
    openssl(&[
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        &crt,
        "-CAkey",
        &key,
        "-set_serial",
        "7",
        "-days",
        "9",
        "-extfile",
        extensions,
        "-out",
        out,
    ]);
}

fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A control plane, and certificates for some of its keys that OpenSSL has signed with its CA.
pub fn signed_elsewhere(names: &[&str]) -> (TempDir, TempDir) {
    let (root, signed, directory) = (tree("8760h0m0s"), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let requested = Run::new(["certs", "generate-csr", "--config", "c.yaml"]).file("c.yaml", config("8760h0m0s"));
    requested.rootfs(root.path()).finish().exit(ExitCode::Ok);
    let ca = pki(&root, "ca");
    for name in names {
        let is_kubeconfig = name.contains('.');
        let request = pki(&root, &format!("{}{name}.csr", if is_kubeconfig { "../" } else { "" }));
        let (ca, request) = (ca.to_str().unwrap(), request.to_str().unwrap());
        sign(directory.path(), ca, request, "serverAuth,clientAuth", &signed.path().join(format!("{name}.crt")));
    }
    for name in whole::names(root.path()) {
        if name.extension().is_some_and(|extension| extension == "csr") {
            fs::remove_file(root.path().join(name)).unwrap();
        }
    }
    (root, signed)
}

#[test]
fn an_external_ca_signs_a_whole_control_plane() {
    let root = tree("8760h0m0s");
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["ca", "front-proxy-ca", "etcd/ca"] {
        let place = elsewhere.path().join(name.replace('/', "-"));
        fs::copy(pki(&root, &format!("{name}.crt")), place.with_extension("crt")).unwrap();
        fs::rename(pki(&root, &format!("{name}.key")), place.with_extension("key")).unwrap();
    }
    // A host as the owner of an external CA prepares it: the CAs, and nothing that they have signed.
    for name in ["apiserver", "etcd/server"] {
        fs::remove_file(pki(&root, &format!("{name}.crt"))).unwrap();
        fs::remove_file(pki(&root, &format!("{name}.key"))).unwrap();
    }
    fs::remove_file(root.path().join("etc/kubernetes/kubelet.conf")).unwrap();
    let run = |words: &[&str]| {
        let run = Run::new(["certs"].into_iter().chain(words.iter().copied())).args(["--config", "c.yaml"]);
        run.file("c.yaml", config("8760h0m0s")).rootfs(root.path()).finish()
    };
    let requested = run(&["generate-csr", "-o", "json"]).exit(ExitCode::Ok);
    let requests: serde_json::Value = serde_json::from_str(&requested.stdout).unwrap();
    let requests: Vec<&str> = requests["requests"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect();
    assert_eq!(requests.len(), 12, "{requests:?}");

    let back = tempfile::tempdir().unwrap();
    for request in requests {
        let ca = match request {
            request if request.contains("front-proxy") => "front-proxy-ca",
            request if request.contains("etcd") => "etcd-ca",
            _ => "ca",
        };
        let name = request.strip_prefix("/etc/kubernetes/").unwrap();
        let name = name.strip_prefix("pki/").unwrap_or(name).strip_suffix(".csr").unwrap();
        let request = root.path().join(request.trim_start_matches('/'));
        let ca = elsewhere.path().join(ca);
        let (ca, request) = (ca.to_str().unwrap(), request.to_str().unwrap());
        sign(elsewhere.path(), ca, request, "serverAuth,clientAuth", &back.path().join(format!("{name}.crt")));
    }
    let good = fs::read(back.path().join("etcd/server.crt")).unwrap();
    let others = fs::read(back.path().join("etcd/peer.crt")).unwrap();
    fs::write(back.path().join("etcd/server.crt"), others).unwrap();
    let before = whole::contents(&root.path().join("etc"));
    let from = back.path().to_str().unwrap();
    run(&["import", from]).exit(ExitCode::Input).stderr_has("does not match");
    assert!(before == whole::contents(&root.path().join("etc")), "a refused import changed something");
    fs::write(back.path().join("etcd/server.crt"), good).unwrap();
    run(&["import", from]).exit(ExitCode::Ok);
    assert!(run(&["import", from]).exit(ExitCode::Ok).stdout.contains("nothing changed"));
    // `init` is content with what an external CA has signed.
    Run::new(["init", "--config", "c.yaml"])
        .file("c.yaml", config("8760h0m0s"))
        .rootfs(root.path())
        .finish()
        .exit(ExitCode::Ok);
}

#[test]
fn while_one_run_changes_a_host_no_other_does() {
    let root = tree("8760h0m0s");
    let files = HostFiles::new(root.path(), Gate::open());
    let lock = HostLock::take(&files, "certs renew", 0).unwrap();
    let before = whole::contents(root.path());
    for line in [
        "init --node-name n --apiserver-advertise-address 10.0.0.5",
        "reset --force",
        "preflight --fix --node-name n --apiserver-advertise-address 10.0.0.5",
        "preflight --undo-fix",
        "node remove n2 -y",
        "certs renew all",
        "certs restart",
        "certs add-san a.example.com",
        "certs generate-csr",
        "certs import etc/kubernetes/pki",
        "certs rotate-ca trust",
    ] {
        let run =
            Run::new(line.replace("etc/", &format!("{}/etc/", root.path().display())).split(' ')).rootfs(root.path());
        run.finish().exit(ExitCode::Refused).stderr_has("another run of kubewright");
    }
    assert!(before == whole::contents(root.path()), "a refused run changed something");
    certs(&root, "renew all --dry-run").exit(ExitCode::Ok);
    certs(&root, "check-expiration").exit(ExitCode::Ok);
    drop(lock);
    certs(&root, "renew all").exit(ExitCode::Ok);
}

#[test]
fn certificates_in_a_custom_directory_are_found_and_renewed() {
    let root = tempfile::tempdir().unwrap();
    let config = config("8760h0m0s") + "certificatesDir: /srv/pki\n";
    let init = Run::new(["init", "--config", "c.yaml"]).file("c.yaml", &config).rootfs(root.path());
    init.finish().exit(ExitCode::Ok);
    let found = certs(&root, "check-expiration -o json").exit(ExitCode::Ok);
    assert!(found.stdout.contains("/srv/pki/etcd/server.crt"), "{found}");
    // The timer asks like this; the certificates are near their end when all of their life counts.
    let before = fs::read(root.path().join("srv/pki/apiserver.crt")).unwrap();
    assert!(certs(&root, "renew all --within 30d").exit(ExitCode::Ok).stdout.contains("nothing renewed"));
    assert_eq!(fs::read(root.path().join("srv/pki/apiserver.crt")).unwrap(), before);
    certs(&root, "renew apiserver").exit(ExitCode::Ok);
    assert_ne!(fs::read(root.path().join("srv/pki/apiserver.crt")).unwrap(), before);
    assert!(!root.path().join("etc/kubernetes/pki").exists());
    // A configuration contains the directory if no manifest does.
    fs::remove_dir_all(root.path().join("etc/kubernetes/manifests")).unwrap();
    let listed = Run::new(["certs", "check-expiration", "-o", "json", "--config", "c.yaml"]).file("c.yaml", &config);
    listed.rootfs(root.path()).finish().exit(ExitCode::Ok).stdout_has("/srv/pki/apiserver.crt");
}

#[test]
fn what_a_dry_run_of_a_renewal_names_is_what_a_run_changes() {
    let root = tree("8760h0m0s");
    let plan = |flags: &str| {
        let done = certs(&root, &format!("renew all -o json{flags}")).exit(ExitCode::Ok);
        let outcome: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let changed = outcome["changed"].as_array().unwrap().iter();
        // The backup directory is named after the time.
        let path = |change: &serde_json::Value| {
            let path = change["path"].as_str().unwrap_or_default().to_owned();
            path.find("/certs-").map_or(path.clone(), |at| format!("{}/COPIES{}", &path[..at], &path[at + 23..]))
        };
        changed.map(|change| format!("{} {}", change["change"].as_str().unwrap(), path(change))).collect::<Vec<_>>()
    };
    let before = whole::contents(root.path());
    let planned = plan(" --dry-run");
    assert!(before == whole::contents(root.path()), "a dry run changed something");
    assert_eq!(planned, plan(""));
}

/// A renewal by name walked through every certificate and kubeconfig.
#[test]
fn a_renewal_by_name_runs_only_the_phase_of_that_name() {
    let root = tree("8760h0m0s");
    for (name, phases) in [
        ("apiserver", vec!["certs/apiserver", "prune"]),
        ("scheduler.conf", vec!["certs/scheduler.conf", "prune"]),
        ("kubelet.conf", vec!["kubelet", "prune"]),
    ] {
        let done = certs(&root, &format!("renew {name} --events json")).exit(ExitCode::Ok);
        let events = done.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let started = events.filter(|event| event["event"] == "phaseStarted");
        let started: Vec<String> = started.map(|event| event["phase"].as_str().unwrap().to_owned()).collect();
        assert_eq!(started, phases, "{name}");
    }
}

#[test]
fn without_write_permission_the_error_says_so_and_nothing_is_partially_renewed() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let root = tree("8760h0m0s");
    let directory = root.path().join("etc/kubernetes/pki");
    let is_root = fs::metadata(root.path()).unwrap().uid() == 0;
    if is_root {
        let all = whole::names(root.path()).into_iter().map(|name| root.path().join(name));
        all.chain([root.path().to_path_buf()]).for_each(|path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    let before = whole::contents(&directory);
    // A copy that another user may run, wherever the build lies.
    let program = tempfile::tempdir().unwrap();
    fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_kubewright"), program.path().join("kubewright")).unwrap();
    let mut command = Command::new(program.path().join("kubewright"));
    command.args(["certs", "renew", "apiserver", "--rootfs"]).arg(root.path()).current_dir("/").stdin(Stdio::null());
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(ExitCode::Input as i32), "{said}");
    assert!(said.contains("run the command as root"), "{said}");
    assert!(before == whole::contents(&directory), "something was changed");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
}
