use super::*;
use crate::base::env::Env;
use crate::cli::test_output::{Written, env};
use crate::state::upgrade::fixture::{FakeCluster, RunningCluster};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;

/// The code, standard output and standard error of a command on a host that is a directory.
fn run_line(root: &Path, line: &str, vars: &[(&str, &str)]) -> (ExitCode, String, String) {
    let (out, err) = (Written::default(), Written::default());
    let args = ["kubewright"].into_iter().chain(line.split(' ')).map(Into::into);
    let env = Env {
        args: args.chain(["--rootfs".into(), root.into()]).collect(),
        program: "/usr/bin/kubewright".into(),
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        cwd: root.to_path_buf(),
        stdout: Box::new(Reader { out: out.clone(), left: 3 }),
        ..env(&out, &err)
    };
    let code = crate::cli::run(env);
    (code, out.text(), err.text())
}

/// A reader that goes away after a few writes.
struct Reader {
    out: Written,
    left: usize,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        self.out.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cluster() -> RunningCluster {
    let mut fake = FakeCluster::new("v1.33.2");
    fake.text("/readyz", "ok");
    fake.set("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", json!({"items": []}));
    fake.set("/apis/apps/v1/daemonsets", json!({"items": []}));
    fake.set("/api/v1/namespaces/kube-system/secrets", json!({"items": []}));
    fake.node("n1")["spec"]["unschedulable"] = json!(true);
    fake.start()
}

#[test]
fn the_object_has_its_version_its_causes_and_what_was_not_seen() {
    let running = cluster();
    let (code, out, err) = run_line(running.root.path(), "status -o json", &[]);
    let status: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((&status["kind"], &status["apiVersion"]), (&json!("Status"), &json!("status.kubewright.io/v1")));
    assert_eq!(status["api"]["ready"], true);
    let cordoned = status["causes"].as_array().unwrap().iter().find(|cause| cause["id"] == "NodeCordoned").unwrap();
    assert_eq!((&cordoned["where"], &cordoned["severity"]), (&json!("n1"), &json!("note")));
    assert_eq!(cordoned["next"], "run 'kubectl uncordon n1' if that is not intended");
    assert!(status["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty()));
    // The fake reports its static Pods without a state.
    assert_ne!(code, ExitCode::Ok);
}

#[test]
fn every_line_fits_into_the_width() {
    let running = cluster();
    for width in [20, 40, 80, 200] {
        let (_, out, _) = run_line(running.root.path(), "status", &[("COLUMNS", &width.to_string())]);
        // A command or an address is not broken.
        let long = out.lines().find(|line| line.chars().count() > width.max(70));
        assert_eq!(long, None, "{width}\n{out}");
    }
}

/// It went on after its reader had ended, as 'status --watch | head' does.
#[test]
fn a_watch_ends_when_its_reader_is_gone() {
    let running = cluster();
    let (_, out, _) = run_line(running.root.path(), "status --watch -o json", &[]);
    assert_eq!(out.lines().count(), 3);
    let times: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["at"].clone()).collect();
    assert_eq!(times[1], "2027-01-15T08:00:05Z");
}

#[test]
fn a_host_without_a_cluster_and_without_a_kubeconfig_says_so() {
    let root = tempfile::tempdir().unwrap();
    let (code, out, _) = run_line(root.path(), "status", &[]);
    assert!(out.contains("--kubeconfig"), "{out}");
    assert_eq!(code, ExitCode::Ok);
}

#[test]
fn doctor_has_the_same_first_cause_and_its_archive_has_a_list() {
    let running = cluster();
    let root = running.root.path();
    let (_, out, _) = run_line(root, "status -o json", &[]);
    let status: Value = serde_json::from_str(&out).unwrap();
    let (code, out, err) = run_line(root, "doctor -o json", &[]);
    let doctor: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((&doctor["kind"], &doctor["apiVersion"]), (&json!("Findings"), &json!("doctor.kubewright.io/v1")));
    assert_eq!(doctor["findings"][0]["id"], status["causes"][0]["id"]);
    assert_ne!(code, ExitCode::Ok);
    let (code, out, err) = run_line(root, "doctor report out.tar.gz", &[]);
    assert_eq!(code, ExitCode::Ok, "{out}{err}");
    let file = root.join("out.tar.gz");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(&file).unwrap()));
    let names: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
    let has = |name: &str| names.contains(&Path::new("kubewright-report").join(name));
    assert!(has("CONTENTS.txt") && has("doctor.json"), "{names:?}");
    let (code, _, err) = run_line(root, "doctor report out.tar.gz", &[]);
    assert_eq!(code, ExitCode::Input, "{err}");
}
