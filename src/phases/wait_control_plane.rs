//! Waits until the control plane is healthy, and diagnoses the cause if it does not become healthy.
//!
//! Reads: the health endpoints of the kubelet and of each component, the kubelet service, the containers of changed
//! manifests, and the shared endpoint of a new cluster. Writes: the kubelet's state (restarted if it has rejected one
//! of the Pods).

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Change;
use crate::base::wait::{Pace, Poll, TimedOut, Wait};
use crate::checks::diagnosis::Hopeless;
use crate::context::{Context, Lifecycle};
use crate::domain::paths::manifest;
use crate::host::cri::{Container, ContainerState};
use crate::host::service::Services;
use crate::kube::ready::{self, wait_for_components};
use crate::ops::rejected_pods::RejectedPods;
use crate::pipeline::{Action, Target};
use crate::state::health;
use crate::state::quorum::QuorumWatch;
use std::time::Duration;

/// The longest pause between two polls.
const SLOWEST: Duration = Duration::from_millis(100);
/// A healthy kubelet responds by then; before that, restarts need not be counted.
const USUAL_START: Duration = Duration::from_secs(3);
/// How often components are checked for an exit with a permanent reason.
const EXIT_INTERVAL: Duration = Duration::from_secs(5);
/// The static Pods of a control plane.
const PODS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

pub struct WaitControlPlane;

impl Action for WaitControlPlane {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let gate = cx.host.gate.clone();
        gate.effect(|| {
            wait_for_kubelet(cx)?;
            wait_for_replaced(cx)
        })?;
        let limit = cx.timeouts().control_plane_component_health_check;
        let components = health::control_plane(&cx.host.files, cx.facts()?, &cx.node()?.local_endpoint)?;
        let mut rejected = RejectedPods::new(cx, &PODS)?;
        let mut hopeless = Hopeless::new(&cx.host);
        let mut exited = Pace::new(&cx.host.clock, EXIT_INTERVAL, EXIT_INTERVAL);
        let start = cx.host.clock.monotonic();
        let mut quorum = QuorumWatch::new(cx);
        wait_for_components(&components, limit, &cx.host.gate, &cx.host.clock, &cx.events, || {
            rejected.check()?;
            if exited.is_due(&cx.host.clock)
                && let Ok(runtime) = cx.runtime()
                && let Some(found) = hopeless.look(&cx.host, &runtime)
            {
                let elapsed = cx.host.clock.monotonic().saturating_sub(start);
                return Err(cx.hopeless("a healthy control plane", elapsed, found));
            }
            quorum.look(cx)
        })?;
        if cx.lifecycle == Lifecycle::New {
            reach(cx, limit)?;
        }
        cx.events.message("the control plane is healthy");
        Ok(())
    }
}

/// The kubelet keeps crashing: waiting longer does not help.
#[derive(Debug, thiserror::Error)]
#[error("the kubelet keeps crashing")]
struct Crashes;

impl Fault for Crashes {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run 'journalctl -u kubelet -n 100' to see why".into())
    }
}

/// Nothing else starts without the kubelet, so it has a deadline of its own, and a crash loop ends the wait earlier.
fn wait_for_kubelet(cx: &Context) -> Result<()> {
    const WHAT: &str = "a healthy kubelet";
    let Some(kubelet) = health::kubelet(&cx.host.files)? else { return Ok(()) };
    let services = Services::of(&cx.host);
    let mut crashes = CrashLoop::default();
    let start = cx.host.clock.monotonic();
    let elapsed = || cx.host.clock.monotonic().saturating_sub(start);
    let wait = Wait { slowest: SLOWEST, ..Wait::new(WHAT, cx.timeouts().kubelet_health_check) };
    let outcome = wait.until(&cx.host.clock, &cx.events, || {
        let Some(problem) = ready::problem_of(&kubelet)? else { return Ok(Poll::Ready(())) };
        if elapsed() > USUAL_START && crashes.is_one(services.restarts("kubelet")) {
            return Err(Crashes.into());
        }
        Ok(Poll::Pending(problem))
    });
    outcome.map_err(|failure| match failure.downcast_ref::<Crashes>() {
        Some(_) => {
            cx.diagnosed(Some("kubelet"), WHAT, Duration::from_secs(elapsed().as_secs()), None).unwrap_or(failure)
        }
        None => failure,
    })
}

/// Counts the crashes of a service during a wait.
#[derive(Default)]
struct CrashLoop {
    seen: Option<u32>,
    times: u32,
}

impl CrashLoop {
    /// A single crash may be bad luck, for example while the runtime is restarted.
    const LIMIT: u32 = 5;

    /// Updates the service's restart count, which starts from zero after a manual start; true if there were too many.
    fn is_one(&mut self, restarts: Option<u32>) -> bool {
        if let (Some(before), Some(now)) = (self.seen, restarts) {
            self.times += now.saturating_sub(before);
        }
        self.seen = restarts.or(self.seen);
        self.times >= Self::LIMIT
    }
}

/// Waits until the running containers match the manifests of this run: the old Pod of a changed manifest responds for
/// some time.
fn wait_for_replaced(cx: &Context) -> Result<()> {
    let entries = cx.host.gate.entries();
    let is_changed = |pod: &&str| {
        let file = manifest(pod);
        entries.iter().any(|entry| {
            matches!(&entry.change, Change::WriteFile { path, before: Some(before), after, .. } if *path == file && before != after)
        })
    };
    let changed: Vec<(&str, i64)> = PODS
        .into_iter()
        .filter(is_changed)
        .filter_map(|pod| Some((pod, cx.host.files.modified(&manifest(pod))?)))
        .collect();
    // Docker without the CRI cannot be queried.
    let (false, Ok(runtime)) = (changed.is_empty(), cx.runtime()) else { return Ok(()) };
    let limit = cx.timeouts().control_plane_component_health_check;
    let wait = Wait { slowest: SLOWEST, ..Wait::new("the Pods of the changed manifests", limit) };
    wait.until(&cx.host.clock, &cx.events, || {
        let containers = runtime.containers()?;
        let old: Vec<&str> =
            changed.iter().filter(|(pod, since)| !runs_since(&containers, pod, *since)).map(|(pod, _)| *pod).collect();
        Ok(if old.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending(format!("not yet restarted with the new manifest: {}", old.join(", ")))
        })
    })
}

/// True if a container of the component is running that was created after this time.
fn runs_since(containers: &[Container], component: &str, since: i64) -> bool {
    containers.iter().any(|one| one.name == component && one.state == ContainerState::Running && one.created > since)
}

/// The address that all nodes will use does not lead to this host.
#[derive(Debug, thiserror::Error)]
#[error(
    "the API server of this host is healthy, but {server}, which other hosts will use, did not reach it within \
     {limit:?}: {last}"
)]
struct Unreachable {
    server: String,
    limit: Duration,
    last: String,
}

impl Fault for Unreachable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "configure the load balancer, virtual IP address or DNS name of controlPlaneEndpoint for this host ('curl \
             -k {}/livez' shows which server responds), then run the same command again",
            self.server
        ))
    }
}

/// Waits until the cluster responds at the address in admin.conf. A load balancer needs some time to detect a new
/// backend; every later phase would fail until then.
fn reach(cx: &mut Context, limit: Duration) -> Result<()> {
    let cluster = cx.new_cluster()?;
    let (config, node) = (cx.cluster()?, cx.node()?);
    let server = format!("https://{}", config.endpoint(&node.local_endpoint));
    let what = format!("{server} to lead to the API server of this host, which is ready");
    cluster.wait_until_ready(cx.facts()?.api_server_probes.live, &what, limit, &cx.events).map_err(|failure| {
        match failure.downcast_ref() {
            Some(TimedOut { last, .. }) => Unreachable { server, limit, last: last.clone() }.into(),
            None => failure,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_crash_loop_ends_the_wait_unless_the_kubelet_was_started_again() {
        let verdicts = |counts: &[Option<u32>]| {
            let mut crashes = CrashLoop::default();
            counts.iter().map(|count| crashes.is_one(*count)).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&[Some(40), Some(40), Some(44), Some(45)]), [false, false, false, true]);
        assert_eq!(verdicts(&[Some(40), Some(0), Some(1)]), [false; 3]);
        assert_eq!(verdicts(&[None, None, Some(9)]), [false; 3]);
    }

    #[test]
    fn a_container_from_before_the_change_of_its_manifest_does_not_count() {
        let container = |created, state| Container {
            id: "1".into(),
            pod: "2".into(),
            name: "etcd".into(),
            attempt: 0,
            state,
            created,
            labels: BTreeMap::new(),
            grace: None,
        };
        let (old, new) = (container(5, ContainerState::Running), container(15, ContainerState::Running));
        assert!(!runs_since(std::slice::from_ref(&old), "etcd", 10));
        assert!(!runs_since(&[old.clone(), container(15, ContainerState::Exited)], "etcd", 10));
        assert!(runs_since(&[old.clone(), new.clone()], "etcd", 10));
        assert!(!runs_since(&[old, new], "kube-scheduler", 10));
    }
}
