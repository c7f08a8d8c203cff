//! The replacement of the kubelet on a host whose kubelet is a fake: what changes, the way back, and runs that are killed.

use super::due;
use super::error::HostNotFinished;
use super::kubelet::ReplaceKubelet;
use super::pods::DrainHost;
use super::release::UncordonHost;
use crate::base::fault::Result;
use crate::base::files::faults::injected;
use crate::base::https::Trouble;
use crate::context::renewal::Renewal;
use crate::context::upgrading::{Certificates, Finishing, HostUpgrade, Scope};
use crate::context::{Context, Lifecycle, Run, Upgrading};
use crate::domain::paths::{ADMIN_CONF, KUBELET_CONFIG};
use crate::host::command::Output;
use crate::host::command::fake::FakeHost;
use crate::kube::test_api::{Mishap, TestApi};
use crate::ops::upgrade_progress;
use crate::phases::upgrade::finish::FinishUpgrade;
use crate::pipeline::{Phase, Target};
use crate::pki::fixture;
use crate::state::test_cluster::{node, pod};
use crate::state::upgrade::fixture::FakeCluster;
use crate::state::upgrade::progress::{PROGRESS_FILE, progress};
use crate::state::upgrade::target_config::at_version;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const FROM: &str = "v1.35.2";
const TO: &str = "v1.36.2";
const KUBELET: &str = "/usr/local/bin/kubelet";
const ARGUMENTS: &str = "/etc/default/kubelet";
const POD: &str = "/api/v1/namespaces/default/pods/web";

/// A host with an old kubelet, and its cluster.
struct World {
    host: FakeHost,
    api: TestApi,
    /// The new kubelet exits again and again.
    is_broken: Arc<AtomicBool>,
    own: String,
}

fn content(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path.trim_start_matches('/'))).unwrap_or_default()
}

fn version_of(root: &Path, path: &str) -> &'static str {
    if content(root, path) == "new kubelet" { TO } else { FROM }
}

fn said(text: &str) -> Output {
    Output { code: Some(0), stdout: text.into(), stderr: String::new() }
}

/// What the kubelet reports when it has started.
fn report(api: &TestApi, own: &str, version: &str) {
    api.with(|state| {
        if let Some(node) = state.objects.get_mut(&format!("/api/v1/nodes/{own}")) {
            node["status"]["nodeInfo"]["kubeletVersion"] = version.into();
        }
    });
}

impl World {
    fn new() -> Self {
        let own = fixture::node().name;
        let api = TestApi::default();
        api.put("/api/v1", json!({"resources": []}));
        for (path, object) in [node(&own, true), node("other", true), pod("web", &own)] {
            api.put(&path, object);
        }
        report(&api, &own, FROM);
        let is_broken = Arc::new(AtomicBool::new(false));
        let (started, name, breaks) = (api.clone(), own.clone(), is_broken.clone());
        let runs = move |root: &Path| version_of(root, KUBELET) == FROM || !breaks.load(Ordering::Relaxed);
        let (counts, exited) = (runs.clone(), AtomicU32::new(20));
        let sum = hex::encode(Sha256::digest("new kubelet"));
        let host = FakeHost::new()
            .systemd()
            .file(KUBELET, "old kubelet")
            .file("/new/kubelet", "new kubelet")
            .file("/new/SHA256SUMS", &format!("{sum}  kubelet\n"))
            .file(ARGUMENTS, "KUBELET_EXTRA_ARGS=--pod-infra-container-image=x --v=2\n")
            .file(KUBELET_CONFIG, "healthzPort: 0\n")
            .on_computed(&format!("{KUBELET} --version"), |root| {
                said(&format!("Kubernetes {}\n", version_of(root, KUBELET)))
            })
            .on("/new/kubelet --version", &format!("Kubernetes {TO}\n"))
            .on("systemctl show -p ExecStart kubelet", &format!("ExecStart={{ path=x ; argv[]={KUBELET} $A ; x }}\n"))
            .on("systemctl daemon-reload", "")
            .on_computed("systemctl restart kubelet", move |root| {
                if runs(root) {
                    report(&started, &name, version_of(root, KUBELET));
                }
                said("")
            })
            .on_computed("systemctl show -p NRestarts kubelet", move |root| {
                // The count is not reset for the kubelet that is put back.
                let more = if counts(root) { 0 } else { 5 };
                said(&format!("NRestarts={}\n", exited.fetch_add(more, Ordering::Relaxed) + more))
            });
        let host = host.program(KUBELET).program("/new/kubelet");
        Self { host, api, is_broken, own }
    }

    fn context(&self) -> Run<Upgrading> {
        let mut cx = Context::for_tests(self.host.root().to_str().unwrap());
        cx.host = self.host.live();
        cx.fake = Some(Arc::new(self.api.cluster(&cx.host.gate)));
        let mut stored = fixture::cluster(35);
        stored.version = FROM.parse().unwrap();
        let finish = Finishing {
            directory: Some("/new".into()),
            drains: true,
            drain_limit: Duration::from_secs(30),
            begun: None,
            waits: None,
            is_proved: false,
        };
        let upgrade = HostUpgrade {
            scope: Scope::Worker,
            stored: stored.clone(),
            before: Some(stored.version.clone()),
            certificates: Certificates::Stay,
            etcd: false,
            force: false,
            allow_experimental: false,
            allow_release_candidates: false,
            resumed: false,
            pods_change: false,
            created: Vec::new(),
            objects: Vec::new(),
            snapshot: None,
            addons_wait: None,
            change: None,
            finish: Some(finish),
        };
        let cluster = at_version(&stored, &TO.parse().unwrap());
        let mut cx = Run::renewing(cx, cluster, fixture::node(), Renewal::new(upgrade, "/backup".into()));
        (cx.lifecycle, cx.admin) = (Lifecycle::Upgraded, "/etc/kubernetes/kubelet.conf".into());
        if let Some(progress) = progress(&cx.host.files).unwrap() {
            upgrade_progress::resume(&mut cx, progress).unwrap();
        }
        cx
    }

    /// The phases of the workflow that replace the kubelet.
    fn run(&self) -> Result<Run<Upgrading>> {
        let mut cx = self.context();
        let phases: [&dyn Phase<Upgrading>; 4] = [&DrainHost, &ReplaceKubelet, &UncordonHost, &FinishUpgrade];
        let target = Target { path: String::new(), item: None };
        phases.iter().try_for_each(|phase| phase.run(&mut cx, &target))?;
        Ok(cx)
    }

    fn text(&self, path: &str) -> String {
        content(self.host.root(), path)
    }

    fn node(&self) -> Value {
        self.api.with(|state| state.objects[&format!("/api/v1/nodes/{}", self.own)].clone())
    }

    fn has_pod(&self) -> bool {
        self.api.with(|state| state.objects.contains_key(POD))
    }

    #[track_caller]
    fn assert_replaced(&self, when: &str) {
        assert_eq!(self.text(KUBELET), "new kubelet", "{when}");
        assert_eq!(self.text(ARGUMENTS), "KUBELET_EXTRA_ARGS=--v=2\n", "{when}");
        let node = self.node();
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], TO, "{when}");
        assert!(
            node["spec"]["unschedulable"].is_null()
                && node["metadata"]["annotations"]["kubewright.io/cordoned-by-upgrade"].is_null(),
            "{when}: {node}"
        );
        assert!(progress(&self.context().host.files).unwrap().is_none(), "{when}");
        assert_eq!(self.text("/var/lib/kubewright/former/kubelet"), "", "{when}");
    }
}

#[test]
fn the_node_is_drained_and_runs_the_new_kubelet_and_a_second_run_changes_nothing() {
    let world = World::new();
    let cx = world.run().unwrap();
    world.assert_replaced("the first run");
    assert!(!world.has_pod() && cx.work.purpose.finish.as_ref().unwrap().is_proved);
    let writes = |log: Vec<String>| log.into_iter().filter(|line| !line.starts_with("GET")).collect::<Vec<_>>();
    let done = writes(world.api.take_log());
    assert_eq!(done.iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(), ["PATCH", "POST", "PATCH"]);
    let ran = world.host.ran().len();
    world.run().unwrap();
    assert!(writes(world.api.take_log()).is_empty());
    assert!(!world.host.ran()[ran..].iter().any(|command| command.contains("restart ")));
}

#[test]
fn a_run_that_is_killed_at_any_file_is_completed_by_the_same_command() {
    let mut killed = 0;
    for nth in 0.. {
        let world = World::new();
        let armed = injected::stop_after(nth);
        let first = world.run();
        drop(armed);
        if first.is_ok() {
            break;
        }
        killed = nth;
        world.run().unwrap_or_else(|failure| panic!("{nth}: {failure}"));
        world.assert_replaced(&nth.to_string());
    }
    assert!(killed > 10, "{killed}");
}

/// A new kubelet replaces the Pods of etcd and the API server soon after the node was Ready; the upgrade ended with the node cordoned.
#[test]
fn an_api_server_that_restarts_with_the_kubelet_does_not_leave_the_node_cordoned() {
    let world = World::new();
    let mut cx = world.context();
    let target = Target { path: String::new(), item: None };
    DrainHost.run(&mut cx, &target).unwrap();
    ReplaceKubelet.run(&mut cx, &target).unwrap();
    assert_eq!(world.node()["spec"]["unschedulable"], true);
    let broken = "rpc error: code = Unknown desc = OK: HTTP status code 200; transport: missing content-type field";
    world.api.mishap("GET", Mishap::Status(500, broken)).mishap("GET", Mishap::Lost(Trouble::Refused));
    world.api.mishap("PATCH", Mishap::AnswerLost);
    UncordonHost.run(&mut cx, &target).unwrap();
    FinishUpgrade.run(&mut cx, &target).unwrap();
    world.assert_replaced("an API server that restarts");
}

/// The former kubelet was said to exit, too: the exits of the new one, and those before the cluster existed, were counted.
#[test]
fn a_kubelet_that_does_not_start_is_replaced_by_the_former_one_and_the_node_is_as_before() {
    let world = World::new();
    world.is_broken.store(true, Ordering::Relaxed);
    let failure = world.run().err().unwrap();
    let text = failure.to_string();
    assert!(text.contains("the kubelet v1.36.2 did not become ready: the kubelet has exited 5 times"), "{text}");
    assert!(text.contains("The kubelet of this host is v1.35.2 again, and the node is Ready with it."), "{text}");
    assert_eq!(world.text(KUBELET), "old kubelet");
    assert!(world.text(ARGUMENTS).contains("pod-infra-container-image"), "its arguments are back, too");
    assert!(world.node()["spec"]["unschedulable"].is_null());
    assert!(progress(&world.context().host.files).unwrap().is_none());
    // When the cause is gone, the same command succeeds.
    world.is_broken.store(false, Ordering::Relaxed);
    world.run().unwrap();
    world.assert_replaced("the second run");
}

/// The second run took the new kubelet, which an earlier one had installed, for the former one.
#[test]
fn a_killed_run_whose_kubelet_does_not_start_goes_back_to_the_kubelet_before_the_first_run() {
    for nth in 0.. {
        let world = World::new();
        let armed = injected::stop_after(nth);
        let first = world.run();
        drop(armed);
        if first.is_ok() {
            break;
        }
        world.is_broken.store(true, Ordering::Relaxed);
        let is_recorded = world.host.root().join(PROGRESS_FILE.trim_start_matches('/')).exists();
        match world.run() {
            // The first run had proved it and ended: it fails for another reason now.
            Err(failure) if !is_recorded => assert!(failure.to_string().contains("has exited"), "{nth}: {failure}"),
            Err(failure) => {
                let text = failure.to_string();
                assert!(text.contains("The kubelet of this host is v1.35.2 again"), "{nth}: {text}");
                assert_eq!(world.text(KUBELET), "old kubelet", "{nth}");
            }
            // The first run had proved it already.
            Ok(_) => assert_eq!(world.node()["status"]["nodeInfo"]["kubeletVersion"], TO, "{nth}"),
        }
        assert!(world.node()["spec"]["unschedulable"].is_null(), "{nth}");
    }
}

#[test]
fn a_node_that_the_user_has_cordoned_stays_cordoned() {
    let world = World::new();
    let path = format!("/api/v1/nodes/{}", world.own);
    world.api.with(|state| state.objects.get_mut(&path).unwrap()["spec"]["unschedulable"] = true.into());
    world.run().unwrap();
    assert_eq!(world.text(KUBELET), "new kubelet");
    assert_eq!(world.node()["spec"]["unschedulable"], true);
}

#[test]
fn a_disruption_budget_that_never_allows_the_eviction_leaves_the_node_as_it_was() {
    let world = World::new();
    for _ in 0..20 {
        world.api.mishap("POST", Mishap::Status(429, "the budget"));
    }
    let failure = world.run().err().unwrap();
    let Some(HostNotFinished::NotDrained { pods, .. }) = failure.downcast_ref() else { panic!("{failure}") };
    assert!(pods[0].starts_with("default/web: its disruption budget"), "{pods:?}");
    assert!(world.node()["spec"]["unschedulable"].is_null() && world.text(KUBELET) == "old kubelet");
    assert!(progress(&world.context().host.files).unwrap().is_none());
}

#[test]
fn pods_that_no_controller_recreates_are_named_before_anything_changes() {
    let world = World::new();
    let (path, mut lone) = pod("lone", &world.own);
    lone["metadata"]["ownerReferences"] = Value::Null;
    world.api.put(&path, lone);
    let failure = world.run().err().unwrap();
    assert!(
        failure.to_string().contains("no controller recreates these Pods")
            && failure.to_string().contains("default/lone")
    );
    assert!(failure.hint().unwrap().contains("--skip-phases finish-host/drain"));
    assert!(world.has_pod() && world.node()["spec"]["unschedulable"].is_null());
}

#[test]
fn the_only_node_of_a_cluster_is_not_drained() {
    let world = World::new();
    world.api.with(|state| state.objects.remove("/api/v1/nodes/other"));
    world.run().unwrap();
    world.assert_replaced("the only node");
    assert!(world.has_pod());
}

#[test]
fn a_kubelet_does_not_get_ahead_of_another_api_server() {
    let waits = |target: &str| {
        let mut fake = FakeCluster::new("v1.33.2");
        fake.add_control_plane("n2", "v1.33.2");
        let mut running = fake.start();
        let world = World::new();
        let mut work = world.context().work;
        work.purpose.scope = Scope::Cluster;
        let own = std::mem::replace(&mut running.cx, Context::for_tests("/"));
        let cluster = at_version(own.cluster().unwrap(), &target.parse().unwrap());
        let node = own.node().unwrap().clone();
        let mut run = Run::renewing(own, cluster, node, work);
        (run.lifecycle, run.admin) = (Lifecycle::Upgraded, ADMIN_CONF.into());
        due::older_api_servers(&mut run).unwrap()
    };
    assert_eq!(waits("v1.34.1").as_deref(), Some("n2 has v1.33.2"));
    assert_eq!(waits("v1.33.6"), None, "a kubelet of a later patch release may run");
}
