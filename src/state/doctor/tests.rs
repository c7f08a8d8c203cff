use super::*;
use crate::checks::diagnosis::Diagnosis;
use crate::checks::{Repair, Severity as Checked};
use crate::context::Context;
use crate::state::status::fixture::{NOW, healthy};
use crate::state::status::{ComponentState, Unknown};
use std::path::Path;

fn report() -> Report {
    let found = |id: &str, repair| checks::Finding {
        repair,
        ..checks::Finding::error(id, "", format!("{id} is wrong"), "fix it")
    };
    Report {
        checks: ["Swap", "Port-6443", "FileAvailable--etc-kubernetes-admin.conf", "FileContent--proc-sys-x"]
            .map(String::from)
            .into(),
        findings: vec![
            found("Swap", Some(Repair::Swap)),
            found("Port-6443", None),
            found("FileContent--proc-sys-x", None),
        ],
        ..Report::default()
    }
}

#[test]
fn checks_of_a_host_that_is_to_be_made_a_node_are_left_out() {
    let report = of_running_host(report(), true);
    assert_eq!(report.checks, ["Swap", "FileContent--proc-sys-x"]);
    let mut all = Findings::of_status(&Status::of(healthy(), NOW), NOW);
    all.add_report(&report);
    let shown: Vec<(&str, bool)> = all.findings.iter().map(|one| (one.id.as_str(), one.fixable)).collect();
    assert_eq!(shown, [("Swap", true), ("FileContent--proc-sys-x", false)]);
    assert_eq!(report.findings.first().map(|one| one.severity), Some(Checked::Error));
}

#[test]
fn the_first_cause_of_status_is_the_first_finding() {
    let mut view = healthy();
    let own = &mut view.host.as_mut().unwrap().components[2];
    (own.state, own.restarts) = (ComponentState::Crashing, 4);
    view.host.as_mut().unwrap().diagnosis = Some(Diagnosis {
        id: "UnknownFlag",
        cause: "kube-scheduler does not know the flag --wrong".into(),
        evidence: vec!["kube-scheduler: unknown flag: --wrong".into()],
        fix: "take --wrong out of extraArgs, then run the command again".into(),
        who: "kube-scheduler".into(),
        detail: "--wrong".into(),
    });
    let status = Status::of(view, NOW);
    let all = Findings::of_status(&status, NOW).sorted();
    let first = all.findings.first().unwrap();
    assert_eq!(first.id, status.causes.first().unwrap().id);
    assert_eq!(first.evidence, ["kube-scheduler: unknown flag: --wrong"]);
    assert!(!first.why.is_empty());
}

#[test]
fn what_could_not_be_checked_is_listed_and_is_not_a_finding() {
    let mut view = healthy();
    view.unknown.push(Unknown::failed("etcd", "no answer"));
    let mut all = Findings::of_status(&Status::of(view, NOW), NOW);
    all.add_report(&Report {
        findings: vec![checks::Finding::warning("Swap", "", "this could not be checked: no file", "")],
        ..Report::default()
    });
    all.add("files", Err("no journal".into()));
    assert_eq!(all.findings, []);
    assert_eq!(all.not_checked.iter().map(|one| one.check.as_str()).collect::<Vec<_>>(), ["etcd", "Swap", "files"]);
}

#[test]
fn keys_that_others_can_read_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let cx = Context::for_tests(root.path().to_str().unwrap());
    let pki = root.path().join("etc/kubernetes/pki");
    std::fs::create_dir_all(&pki).unwrap();
    for (name, mode) in [("ca.key", 0o600), ("sa.key", 0o644)] {
        std::fs::write(pki.join(name), "").unwrap();
        std::fs::set_permissions(pki.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let found = files(&cx, Path::new("/etc/kubernetes/pki")).unwrap();
    assert_eq!(found.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["/etc/kubernetes/pki/sa.key"]);
}
