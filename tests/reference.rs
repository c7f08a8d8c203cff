//! Every recorded case of real kubeadm: the tree that `init --rootfs` writes from the case's own configuration, the same
//! tree after `certs renew all`, and the API objects that `init` creates do not differ from what kubeadm wrote.
//! See reference/README.md.

use crate::objects;
use crate::support::run::Run;
use crate::support::tree;
use kubewright::base::exit_code::ExitCode;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CASES: &[&str] = &[
    "v1.20.2/01-default",
    "v1.20.2/02-seed-flags",
    "v1.20.2/03-mirror-ipvs",
    "v1.20.2/04-ha-lb",
    "v1.20.2/05-external-etcd",
    "v1.20.2/06-dualstack",
    "v1.36.2/01-default",
    "v1.36.2/02-seed-flags",
    "v1.36.2/03-mirror-ipvs",
    "v1.36.2/04-ha-lb",
    "v1.36.2/05-external-etcd",
    "v1.36.2/06-dualstack",
    "v1.36.2/07-v1beta4-extras",
];

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

#[test]
fn every_tree_of_a_recorded_case_is_kubeadms() {
    let hosts: Vec<(PathBuf, TempDir)> = CASES.iter().map(|case| (recorded(case), host_of(&recorded(case)))).collect();
    let trees: Vec<_> = hosts.iter().map(|(case, root)| ("trees", case.clone(), root.path().to_owned())).collect();

    let start = Instant::now();
    run_on_all(&hosts, &["init", "--config"]);
    check(&compare(&trees), "after init", |_| false);
    // A renewed certificate is what kubeadm would have issued, but later than its CA.
    run_on_all(&hosts, &["certs", "renew", "all", "--config"]);
    let age = start.elapsed();
    check(&compare(&trees), "after 'certs renew all'", |line| {
        line.contains("notBeforeEqualsCA") || is_longer_by_at_most(line, age)
    });
}

#[test]
fn the_objects_of_every_recorded_case_are_kubeadms() {
    let directories: Vec<(PathBuf, TempDir)> = CASES
        .iter()
        .map(|case| {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("objects.yaml"), objects::of(&recorded(case))).unwrap();
            (recorded(case), directory)
        })
        .collect();
    let jobs: Vec<_> = directories.iter().map(|(case, dir)| ("objects", case.clone(), dir.path().to_owned())).collect();
    check(&compare(&jobs), "API objects", |_| false);
}

fn recorded(case: &str) -> PathBuf {
    tree::project().join("tests/reference").join(case)
}

/// Runs the command with each case's configuration on its root directory, as many at a time as there are processors.
fn run_on_all(hosts: &[(PathBuf, TempDir)], command: &[&str]) {
    let left = Mutex::new(hosts.iter());
    let next = || left.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some((case, root)) = next() {
                    let run = Run::new(command.iter().copied()).arg(case.join("config.yaml"));
                    run.rootfs(root.path()).finish().exit(ExitCode::Ok);
                }
            });
        }
    });
}

/// What `compare` prints for each job, in one process.
fn compare(jobs: &[(&str, PathBuf, PathBuf)]) -> Vec<(String, Vec<String>)> {
    // Debian's own interpreter: another one on PATH may lack the two libraries.
    let mut child = Command::new("/usr/bin/python3")
        .arg(tree::project().join("tests/reference/compare"))
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let list: String =
        jobs.iter().map(|(kind, case, dir)| format!("{kind}\t{}\t{}\n", case.display(), dir.display())).collect();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut results = Vec::new();
    let mut lines = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        if line.ends_with(" differences") {
            results.push((jobs[results.len()].1.display().to_string(), std::mem::take(&mut lines)));
        } else {
            lines.push(line.to_owned());
        }
    }
    assert_eq!(results.len(), jobs.len(), "{}", String::from_utf8_lossy(&output.stderr));
    results
}

/// Old minor versions start the validity of a certificate with that of its CA, so a renewed one is valid for longer, by
/// the age of the CA. On a busy machine that is more than `compare` tolerates.
fn is_longer_by_at_most(line: &str, age: Duration) -> bool {
    let seconds = |marker| -> Option<u64> { line.split_once(marker)?.1.split(',').next()?.trim().parse().ok() };
    line.contains("validitySeconds")
        && matches!((seconds("want "), seconds("got ")), (Some(want), Some(got)) if got > want && got - want <= age.as_secs() + 2)
}

/// Fails on every difference but those that are `expected`.
#[track_caller]
fn check(results: &[(String, Vec<String>)], when: &str, expected: impl Fn(&str) -> bool) {
    let failures: Vec<String> = results
        .iter()
        .flat_map(|(case, lines)| lines.iter().map(move |line| format!("{case}, {when}: {line}")))
        .filter(|line| !expected(line))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A root directory with what the host of the recording had.
fn host_of(case: &Path) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for directory in
        ["etc/ssl/certs", "etc/ca-certificates", "usr/share/ca-certificates", "usr/local/share/ca-certificates"]
    {
        fs::create_dir_all(root.path().join(directory)).unwrap();
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
