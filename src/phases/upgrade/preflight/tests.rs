//! Preflight against an API server on this machine: what is refused, all at once.

use super::*;
use crate::base::exit_code::ExitCode;
use crate::base::files::Content;
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use crate::context::renewal::Kept;
use crate::context::upgrading::{Certificates, HostUpgrade};
use crate::context::{Lifecycle, Renewal};
use crate::domain::paths::{ADMIN_CONF, manifest};
use crate::state::upgrade::fixture::{FakeCluster, RunningCluster};
use crate::state::upgrade::target_config::at_version;

/// Runs preflight on the host n1 of a cluster, and returns the names of the obstacles.
fn obstacles(running: &mut RunningCluster, scope: Scope, to: &str, force: bool, ignored: &[&str]) -> Vec<String> {
    obstacles_of(running, scope, to, force, ignored, Vec::new())
}

/// The same for a run that continues one which has kept these files.
fn obstacles_of(
    running: &mut RunningCluster,
    scope: Scope,
    to: &str,
    force: bool,
    ignored: &[&str],
    kept: Vec<Kept>,
) -> Vec<String> {
    let cx = &mut running.cx;
    let (stored, mut node) = (cx.cluster().unwrap().clone(), cx.node().unwrap().clone());
    node.ignore_preflight_errors = ignored.iter().map(|name| name.to_lowercase()).collect();
    let upgrade = HostUpgrade {
        scope,
        stored: stored.clone(),
        before: Some(stored.version.clone()),
        certificates: Certificates::WithPods,
        etcd: true,
        force,
        allow_experimental: false,
        allow_release_candidates: false,
        resumed: false,
        pods_change: true,
        created: Vec::new(),
        objects: Vec::new(),
        snapshot: None,
        addons_wait: None,
        change: None,
        finish: None,
    };
    let cluster = at_version(&stored, &to.parse().unwrap());
    let own = std::mem::replace(cx, Context::for_tests("/"));
    let mut run = Run::renewing(own, cluster, node, Renewal::new(upgrade, "/b".into()));
    run.work.kept = kept;
    (run.lifecycle, run.admin) = (Lifecycle::Upgraded, ADMIN_CONF.into());
    let done = UpgradePreflight.run(&mut run, &Target { path: "preflight".into(), item: None });
    *cx = run.cx;
    let Err(failure) = done else { return Vec::new() };
    assert_eq!(failure.exit_code(), ExitCode::Refused, "{failure}");
    let Some(UpgradeFailed::Refused { problems, .. }) = failure.downcast_ref() else { panic!("{failure}") };
    assert!(problems.iter().all(|problem| !problem.fix.is_empty() && !problem.place.is_empty()), "{failure}");
    assert_eq!(failure.to_string().matches("\n    fix: ").count(), problems.len());
    assert_eq!(cx.host.gate.count(), 0, "a refused upgrade changes nothing");
    problems.iter().map(|problem| problem.name.clone()).collect()
}

fn has(names: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|name| names.iter().any(|known| known == name))
}

#[test]
fn broken_rules_and_failed_checks_are_reported_together() {
    let mut fake = FakeCluster::new("v1.33.2");
    fake.add_node("w1", "v1.29.0", false);
    fake.node("n1")["status"]["conditions"][0]["status"] = "False".into();
    let mut running = fake.start();
    let names = obstacles(&mut running, Scope::Cluster, "v1.35.1", false, &[]);
    assert!(has(&names, &["NoSkippedMinor", "KubeletTooOld", "Nodes"]), "{names:?}");
    let names = obstacles(&mut running, Scope::Cluster, "v1.35.1", true, &["Nodes"]);
    assert!(
        has(&names, &["NoSkippedMinor"]) && !has(&names, &["KubeletTooOld"]) && !has(&names, &["Nodes"]),
        "{names:?}"
    );
}

#[test]
fn a_patch_that_cannot_be_read_is_an_obstacle_before_anything_changes() {
    let mut running = FakeCluster::new("v1.33.2").start();
    let directory = running.root.path().join("patches");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("kube-apiserver.yaml"), "a: [b\n").unwrap();
    running.cx.config.node.as_mut().unwrap().patches_dir = Some("/patches".into());
    let names = obstacles(&mut running, Scope::Cluster, "v1.33.6", false, &[]);
    assert_eq!(names, ["Patches"]);
}

/// An upgrade that was killed while a new component crashed was always refused, because that component was not healthy.
#[test]
fn a_component_that_an_interrupted_run_has_changed_does_not_stop_the_one_that_continues() {
    let mut running = FakeCluster::new("v1.33.2").start();
    let path = manifest("kube-scheduler");
    let text = "kind: Pod\nspec:\n  containers:\n  - name: kube-scheduler\n    image: r.io/kube-scheduler:v1.33.6\n";
    running.cx.host.files.write(&path, &Content::public(text), 0o600).unwrap();
    running.cx.host.gate = Gate::open();
    // Without a configuration of the kubelet no component of this host can be started.
    let names = obstacles(&mut running, Scope::Cluster, "v1.33.6", false, &["HandEdits"]);
    assert_eq!(names, ["ComponentsReady"]);
    let unchanged = Kept { path: path.clone(), bytes: Secret::new(text.into()), mode: 0o600 };
    let names = obstacles_of(&mut running, Scope::Cluster, "v1.33.6", false, &["HandEdits"], vec![unchanged]);
    assert_eq!(names, ["ComponentsReady"]);
    let changed = Kept { path, bytes: Secret::new(text.replace("v1.33.6", "v1.33.2").into_bytes()), mode: 0o600 };
    let names = obstacles_of(&mut running, Scope::Cluster, "v1.33.6", false, &["HandEdits"], vec![changed]);
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_further_control_plane_comes_after_the_first_one() {
    let mut fake = FakeCluster::new("v1.33.2");
    fake.add_control_plane("n2", "v1.33.2");
    let mut running = fake.start();
    assert_eq!(obstacles(&mut running, Scope::ControlPlane, "v1.33.6", false, &[]), ["Order"]);
    let mut fake = FakeCluster::new("v1.33.2");
    fake.add_control_plane("n2", "v1.33.6");
    let mut running = fake.start();
    assert_eq!(obstacles(&mut running, Scope::ControlPlane, "v1.33.6", false, &[]), Vec::<String>::new());
}

#[test]
fn a_worker_waits_for_the_api_servers() {
    let mut fake = FakeCluster::new("v1.34.1");
    fake.text("/version", r#"{"gitVersion": "v1.33.2"}"#);
    let mut running = fake.start();
    assert_eq!(obstacles(&mut running, Scope::Worker, "v1.34.1", false, &[]), ["ApiServerVersion"]);
    let mut fake = FakeCluster::new("v1.34.1");
    fake.text("/version", r#"{"gitVersion": "v1.34.1"}"#);
    let mut running = fake.start();
    assert_eq!(obstacles(&mut running, Scope::Worker, "v1.34.1", false, &[]), Vec::<String>::new());
    let mut running = FakeCluster::new("v1.34.1").start();
    assert_eq!(obstacles(&mut running, Scope::Worker, "v1.34.1", false, &[]), ["Nodes"]);
}
