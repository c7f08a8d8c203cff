//! The foreign judge: for every recorded case, the tree that `init --rootfs` makes from the case's
//! own configuration has no difference to what kubeadm wrote. See reference/README.md.

use crate::support::run::Run;
use crate::support::tree;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// One test a case, so that a failure names it and the cases run at the same time.
macro_rules! cases {
    ($($test:ident: $case:literal,)*) => {
        pub const CASES: &[&str] = &[$($case),*];
        $(#[test] fn $test() { judge($case); })*
    };
}

cases! {
    v1_20_default: "v1.20.2/01-default",
    v1_20_pod_subnet: "v1.20.2/02-seed-flags",
    v1_20_mirror_and_ipvs: "v1.20.2/03-mirror-ipvs",
    v1_20_load_balancer: "v1.20.2/04-ha-lb",
    v1_20_external_etcd: "v1.20.2/05-external-etcd",
    v1_20_dual_stack: "v1.20.2/06-dualstack",
    v1_36_default: "v1.36.2/01-default",
    v1_36_pod_subnet: "v1.36.2/02-seed-flags",
    v1_36_mirror_and_ipvs: "v1.36.2/03-mirror-ipvs",
    v1_36_load_balancer: "v1.36.2/04-ha-lb",
    v1_36_external_etcd: "v1.36.2/05-external-etcd",
    v1_36_dual_stack: "v1.36.2/06-dualstack",
    v1_36_ecdsa_and_patches: "v1.36.2/07-v1beta4-extras",
}

#[test]
fn no_recorded_case_is_left_out() {
    let mut recorded = Vec::new();
    for version in ["v1.20.2", "v1.36.2"] {
        for entry in fs::read_dir(tree::project().join("tests/reference").join(version)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().join("case.json").exists() {
                recorded.push(format!("{version}/{}", entry.file_name().to_str().unwrap()));
            }
        }
    }
    recorded.sort();
    assert_eq!(recorded, CASES);
}

#[track_caller]
fn judge(case: &str) {
    let folder = tree::project().join("tests/reference").join(case);
    let root = machine_of(&folder);
    Run::new(["init", "--config"]).arg(folder.join("config.yaml")).rootfs(root.path()).finish().exit(ExitCode::Ok);

    compare(case, &folder, &root, "nothing");
    // What is renewed is still what kubeadm would have made, but at another time than its CA.
    Run::new(["certs", "renew", "all", "--config"])
        .arg(folder.join("config.yaml"))
        .rootfs(root.path())
        .finish()
        .exit(ExitCode::Ok);
    compare(&format!("{case}, renewed"), &folder, &root, "notBeforeEqualsCA");
}

/// Fails on every difference that does not name `expected`.
#[track_caller]
fn compare(case: &str, folder: &Path, root: &TempDir, expected: &str) {
    let compare = folder.ancestors().nth(2).unwrap().join("compare");
    // Debian's own interpreter: another one on PATH may lack the two libraries.
    let judge = Command::new("/usr/bin/python3").arg(compare).arg(folder).arg(root.path()).output().unwrap();
    let findings = String::from_utf8(judge.stdout).unwrap();
    let (last, differences) = match findings.trim_end().rsplit_once('\n') {
        Some((before, last)) => (last, before.lines().filter(|line| !line.contains(expected)).collect::<Vec<_>>()),
        None => (findings.trim_end(), Vec::new()),
    };
    assert!(
        last.ends_with(" differences") && differences.is_empty(),
        "{case}:\n{}\n{last}\n{}",
        differences.join("\n"),
        String::from_utf8_lossy(&judge.stderr)
    );
}

/// A root folder with what the machine of the recording had.
fn machine_of(case: &Path) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for folder in
        ["etc/ssl/certs", "etc/ca-certificates", "usr/share/ca-certificates", "usr/local/share/ca-certificates"]
    {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let about: serde_json::Value = serde_json::from_slice(&fs::read(case.join("case.json")).unwrap()).unwrap();
    fs::write(root.path().join("etc/hostname"), format!("{}\n", about["hostname"].as_str().unwrap())).unwrap();
    for (from, to) in [("inputs", ""), ("patches", "srv/patches")] {
        if case.join(from).is_dir() {
            tree::copy(&case.join(from), &root.path().join(to));
        }
    }
    root
}
