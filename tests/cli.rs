//! Whole screens of the built binary: help, results, errors and exit codes.

use crate::support::run::Run;
use kubewright::base::exit_code::ExitCode;

#[test]
fn version_says_what_it_is_in_one_line() {
    let finished = Run::new(["version", "-o", "short"]).finish().exit(ExitCode::Ok).stderr("");
    assert_eq!(finished.stdout, concat!("v", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn generated_tokens_have_the_form_that_kubeadm_wants_and_differ() {
    let token = || Run::new(["token", "generate"]).finish().exit(ExitCode::Ok).stderr("").stdout;
    let (one, other) = (token(), token());
    let (id, secret) = one.trim_end().split_once('.').unwrap();
    assert_eq!((id.len(), secret.len()), (6, 16));
    assert!(one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'\n'));
    assert_ne!(one, other);
}

#[test]
fn an_unknown_flag_is_a_usage_error_that_names_the_nearest_one() {
    Run::new(["init", "--pod-network-cird", "10.0.0.0/8"])
        .finish()
        .exit(ExitCode::Usage)
        .stdout("")
        .stderr_has("--pod-network-cidr");
}
#[test]
fn a_bad_configuration_names_file_line_and_field_and_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let config = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersoin: v1.36.2\n";
    let finished = Run::new(["init", "--config", "c.yaml"]).file("c.yaml", config).rootfs(root.path()).finish();
    let finished = finished.exit(ExitCode::Input).stdout("");
    for part in ["c.yaml", "3", "kubernetesVersoin", "kubernetesVersion"] {
        assert!(finished.stderr.contains(part), "no {part:?} in {finished}");
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is written");
}

const PIN: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn a_join_without_a_pin_is_refused_before_any_request() {
    let run = Run::new(["join", "127.0.0.1:1", "--token", "abcdef.0123456789abcdef"]);
    run.finish().exit(ExitCode::Input).stderr_has("--discovery-token-ca-cert-hash");
}

#[test]
fn a_refused_connection_ends_a_join_at_once_and_writes_nothing() {
    // The port was free a moment ago, and this listener is gone when it is asked.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let root = tempfile::tempdir().unwrap();
    let run = Run::new(["join", &address, "--discovery-token-ca-cert-hash", PIN, "--node-name", "n1"]);
    let finished = run.var("KUBEWRIGHT_TOKEN", "abcdef.0123456789abcdef").rootfs(root.path()).finish();
    finished.exit(ExitCode::Unreachable).stdout("").stderr_has("[discovery]");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn a_token_comes_from_a_file_or_standard_input_and_is_never_shown() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let join = |file: &str| {
        let args = ["join", &address, "--discovery-token-ca-cert-hash", PIN, "--node-name", "n1", "--token-file", file];
        Run::new(args)
    };
    let secret = "0123456789abcdef";
    let token = format!("abcdef.{secret}\n");
    let by_file = join("token").file("token", &token).finish();
    let by_stdin = join("-").stdin(token.clone()).finish();
    for finished in [by_file, by_stdin] {
        assert!(!finished.stderr.contains(secret), "{finished}");
        finished.exit(ExitCode::Unreachable);
    }
    join("token").file("token", "not a token").finish().exit(ExitCode::Input).stderr_has("--token");
}

/// The signed key pair that 'kubeconfig user' printed was lost, and the command ended with 0.
#[test]
fn a_result_that_cannot_be_written_ends_with_an_error() {
    let root = crate::certs::tree("8760h0m0s");
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("c.yaml");
    std::fs::write(&config, crate::certs::config("8760h0m0s")).unwrap();
    let config = config.display();
    for line in [
        "--help".to_owned(),
        "help".to_owned(),
        "help init phase certs".to_owned(),
        "version".to_owned(),
        "token generate".to_owned(),
        "token generate -o json".to_owned(),
        "certs certificate-key".to_owned(),
        "completion bash".to_owned(),
        "config print init-defaults".to_owned(),
        format!("config migrate --old-config {config}"),
        format!("config migrate --old-config {config} -o json"),
        format!("config validate --config {config}"),
        "config images list --kubernetes-version v1.36.2".to_owned(),
        format!("kubeconfig user --client-name jane --config {config} --rootfs {}", root.path().display()),
        format!("init phase addon all --print-manifest --config {config}"),
        format!("certs check-expiration --rootfs {}", root.path().display()),
        format!("certs check-expiration --prometheus --rootfs {}", root.path().display()),
        format!("certs check-expiration -o json --rootfs {}", root.path().display()),
        format!("certs renew all --dry-run --rootfs {}", root.path().display()),
    ] {
        let command = |out: std::process::Stdio| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kubewright"));
            command.args(line.split(' ')).stdin(std::process::Stdio::null()).stdout(out);
            command.stderr(std::process::Stdio::piped()).spawn().unwrap()
        };
        // Only what ends well otherwise can show it.
        let well = command(std::process::Stdio::null()).wait_with_output().unwrap();
        assert!(well.status.success(), "{line}: {}", String::from_utf8_lossy(&well.stderr));
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(full.into()).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(ExitCode::Input as i32), "{line}: {said}");
        assert!(said.contains("standard output") && said.contains("No space left"), "{line}: {said}");
        // A reader that has seen enough is not an error.
        let mut child = command(std::process::Stdio::piped());
        drop(child.stdout.take());
        assert!(child.wait_with_output().unwrap().status.success(), "{line}");
    }
}

#[test]
fn a_file_other_than_a_snapshot_is_refused_with_what_it_is() {
    let status = |content: &[u8]| Run::new(["etcd", "snapshot", "status", "a.db"]).file("a.db", content).finish();
    status(&[0; 8192]).exit(ExitCode::Input).stdout("").stderr_has("a.db is not a snapshot of etcd");
    status(b"half").exit(ExitCode::Input).stdout("").stderr_has("it is not complete");
    let missing = Run::new(["etcd", "snapshot", "status", "b.db"]).finish();
    missing.exit(ExitCode::Input).stdout("").stderr_has("b.db cannot be read");
}

#[test]
fn etcd_is_neither_saved_nor_recovered_in_a_root_directory() {
    for args in [
        &["etcd", "snapshot", "save"][..],
        &["etcd", "recover", "--members-lost", "n2", "--yes"],
        &["etcd", "snapshot", "restore", "a.db", "--yes"],
    ] {
        let root = tempfile::tempdir().unwrap();
        let finished = Run::new(args.iter().copied()).rootfs(root.path()).finish().exit(ExitCode::Ok);
        assert!(finished.stdout.contains("Skipped because of --rootfs"), "{finished}");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is written");
    }
}
