//! Runs that are killed, or fail, at each change of a file in turn: files are whole, a key and its certificate belong
//! together, and the same command completes what was begun.
//!
//! Debug builds end or fail where a variable says (`base::files::faults`), so no moment is left to chance.
#![cfg(debug_assertions)]

use crate::certs::{config, signed_elsewhere, tree};
use crate::support::run::{Finished, Run};
use crate::support::whole;
use kubewright::base::exit_code::ExitCode;
use kubewright::pki::{Cert, PrivateKey};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const STOP_AFTER: &str = "KUBEWRIGHT_TEST_STOP_AFTER";
const FAIL_AT: &str = "KUBEWRIGHT_TEST_FAIL_AT";
/// What a run that was killed ends with.
const KILLED: i32 = -1;

fn run(line: &str, root: &TempDir, fault: Option<(&str, u32)>) -> Finished {
    let run = Run::new(line.split(' ')).file("c.yaml", config("8760h0m0s")).rootfs(root.path());
    match fault {
        Some((name, nth)) => run.var(name, &nth.to_string()),
        None => run,
    }
    .finish()
}

fn copy(root: &TempDir) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let from = root.path().join(".");
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to.path()).status().unwrap();
    assert!(status.success());
    to
}

/// The keys below `root` that do not fit the certificate beside them.
fn mismatched(root: &TempDir) -> Vec<PathBuf> {
    let pki = root.path().join("etc/kubernetes/pki");
    let fits = |cert: &Path| {
        let key = fs::read(cert.with_extension("key")).unwrap();
        let certs = Cert::bundle_from_pem(&fs::read(cert).unwrap()).unwrap();
        certs[0].has_key(PrivateKey::from_pem(&key).unwrap().public_der())
    };
    let certs = whole::names(&pki).into_iter().map(|name| pki.join(name));
    certs
        .filter(|path| {
            path.extension().is_some_and(|e| e == "crt") && path.with_extension("key").exists() && !fits(path)
        })
        .collect()
}

fn stages(root: &TempDir) -> Vec<PathBuf> {
    let names = whole::names(&root.path().join("etc"));
    names.into_iter().filter(|name| name.extension().is_some_and(|extension| extension == "renewing")).collect()
}

/// A control plane with few certificates, so that a renewal of everything is short.
fn small() -> TempDir {
    let root = tree("8760h0m0s");
    for name in [
        "apiserver-kubelet-client",
        "apiserver-etcd-client",
        "etcd/healthcheck-client",
        "etcd/server",
        "front-proxy-client",
    ] {
        for extension in ["crt", "key"] {
            fs::remove_file(root.path().join(format!("etc/kubernetes/pki/{name}.{extension}"))).unwrap();
        }
    }
    for name in ["scheduler.conf", "super-admin.conf"] {
        fs::remove_file(root.path().join("etc/kubernetes").join(name)).unwrap();
    }
    root
}

/// Kills a command at every change of a file; each time it is completed by the same command, with what the first one
/// was to bring. Returns how many changes there are.
fn kill_everywhere(before: &TempDir, line: &str, check: impl Fn(&TempDir, u32)) -> u32 {
    for nth in 0.. {
        let root = copy(before);
        let first = run(line, &root, Some((STOP_AFTER, nth)));
        if first.code == ExitCode::Ok as i32 {
            return nth;
        }
        assert_eq!(first.code, KILLED, "{nth}: {first}");
        whole::assert_all_named(&root.path().join("etc"));
        // Two files cannot change at once: the stage completes those that stand half exchanged.
        let stages = stages(&root);
        for path in mismatched(&root) {
            let stage = path.with_extension("renewing");
            assert!(
                stages.iter().any(|name| stage.ends_with(name)),
                "{nth}: {} is left with another key",
                path.display()
            );
        }
        let next = run(line, &root, None);
        assert_eq!(next.code, ExitCode::Ok as i32, "{nth}: {next}");
        assert_clean(&root, nth);
        check(&root, nth);
    }
    unreachable!("a run ends at some time")
}

/// Has every step of a command fail in turn: nothing is left mismatched, and the same command completes it.
fn fail_everywhere(before: &TempDir, line: &str) -> u32 {
    for nth in 1.. {
        let root = copy(before);
        let first = run(line, &root, Some((FAIL_AT, nth)));
        assert_eq!(mismatched(&root), Vec::<PathBuf>::new(), "{nth}: {first}");
        if first.code == ExitCode::Ok as i32 && !first.stderr.contains("Input/output error") {
            return nth;
        }
        let next = run(line, &root, None);
        assert_eq!(next.code, ExitCode::Ok as i32, "{nth}: {next}");
        assert_clean(&root, nth);
    }
    unreachable!("a run ends at some time")
}

#[track_caller]
fn assert_clean(root: &TempDir, nth: u32) {
    assert_eq!(mismatched(root), Vec::<PathBuf>::new(), "{nth}");
    assert_eq!(stages(root), Vec::<PathBuf>::new(), "{nth}");
    whole::assert_all(&root.path().join("etc"));
}

#[test]
fn init_that_is_killed_at_any_file_continues_with_the_same_ca() {
    let line = "init --config c.yaml";
    let whole_run = tempfile::tempdir().unwrap();
    run(line, &whole_run, None).exit(ExitCode::Ok);
    let expected = whole::names(whole_run.path());
    let ca = |root: &TempDir| fs::read(root.path().join("etc/kubernetes/pki/ca.crt")).ok();
    let mut with_ca = 0;
    for nth in 0.. {
        let root = tempfile::tempdir().unwrap();
        let first = run(line, &root, Some((STOP_AFTER, nth)));
        if first.code == ExitCode::Ok as i32 {
            assert!(nth > 40 && with_ca > 20, "{nth} changes, {with_ca} of them with a CA");
            break;
        }
        whole::assert_all_named(&root.path().join("etc"));
        let before = ca(&root);
        with_ca += u32::from(before.is_some());
        run(line, &root, None).exit(ExitCode::Ok);
        whole::assert_all(&root.path().join("etc"));
        assert_eq!(whole::names(root.path()), expected, "{nth}");
        assert!(before.is_none() || before == ca(&root), "{nth}: there is another CA");
    }
}

#[test]
fn a_renewal_that_is_killed_at_any_file_is_completed_by_the_next() {
    let before = small();
    let ca = fs::read(before.path().join("etc/kubernetes/pki/ca.crt")).unwrap();
    let changes = kill_everywhere(&before, "certs renew all", |root, nth| {
        assert_eq!(fs::read(root.path().join("etc/kubernetes/pki/ca.crt")).unwrap(), ca, "{nth}");
    });
    assert!(changes > 20, "{changes}");
}

#[test]
fn a_renewal_that_fails_at_any_step_changes_key_and_certificate_together() {
    let before = small();
    for name in ["apiserver", "admin.conf"] {
        let steps = fail_everywhere(&before, &format!("certs renew {name}"));
        assert!(steps > 8, "{name}: {steps}");
    }
}

#[test]
fn an_import_that_is_killed_or_fails_at_any_file_is_completed_by_the_next() {
    let (root, signed) = signed_elsewhere(&["apiserver", "admin.conf", "kubelet.conf"]);
    let line = format!("certs import {} --config c.yaml", signed.path().display());
    let imported = |root: &TempDir, nth: u32| {
        let there = fs::read(root.path().join("etc/kubernetes/pki/apiserver.crt")).unwrap();
        let came = Cert::bundle_from_pem(&fs::read(signed.path().join("apiserver.crt")).unwrap()).unwrap();
        assert!(Cert::bundle_from_pem(&there).unwrap() == came, "{nth}");
    };
    assert!(kill_everywhere(&root, &line, imported) > 8);
    assert!(fail_everywhere(&root, &line) > 20);
}

/// A file under the hidden name remained until the same file was written again.
#[test]
fn what_a_kill_leaves_under_a_hidden_name_is_removed_by_any_later_run() {
    let before = small();
    let hidden = |root: &TempDir| -> Vec<PathBuf> {
        let all = whole::names(root.path()).into_iter();
        all.filter(|name| name.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
    };
    let mut left = 0;
    for nth in 0.. {
        let root = copy(&before);
        // As a kill of 'preflight --fix' leaves it.
        fs::write(root.path().join("etc/.fstab.kubewright"), "x").unwrap();
        if run("certs renew apiserver", &root, Some((STOP_AFTER, nth))).code == ExitCode::Ok as i32 {
            break;
        }
        left += usize::from(hidden(&root).iter().any(|name| name.ends_with(".apiserver.crt.kubewright")));
        let next = run("certs renew admin.conf", &root, None).exit(ExitCode::Ok);
        assert_eq!(hidden(&root), Vec::<PathBuf>::new(), "{nth}: {next}");
    }
    assert!(left > 0, "no kill came between the hidden name and the rename");
}
