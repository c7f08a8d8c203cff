//! Waits until the control plane is healthy, and finds out why when it does not become so.
//!
//! Reads: the health endpoints of the kubelet and of each component, the kubelet's service, the containers of changed
//! manifests, and of a new cluster the endpoint that it shares with others. Writes: the kubelet's state (restarted where it
//! has refused one of the Pods).

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Change;
use crate::base::wait::{Pace, Poll, TimedOut, Wait};
use crate::checks::diagnosis::Hopeless;
use crate::context::{Context, Task};
use crate::domain::paths::manifest;
use crate::host::cri::{Container, ContainerState};
use crate::host::service::Services;
use crate::kube::ready::{self, wait_for_components};
use crate::ops::rejected_pods::Readmission;
use crate::pipeline::{Action, Target};
use crate::state::health;
use crate::state::quorum;
use std::time::Duration;

/// The longest pause between two looks.
const SLOWEST: Duration = Duration::from_millis(100);
/// A kubelet that is well answers by then; before, nobody needs to count how often it ended.
const USUAL_START: Duration = Duration::from_secs(3);
/// How often it is looked whether a component ends each time for a reason that stays.
const ENDED: Duration = Duration::from_secs(5);
/// How often it is looked whether etcd has its majority.
const LOST_MAJORITY: Duration = Duration::from_secs(10);
/// The static Pods of a control plane.
const PODS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// See the module's text.
pub struct WaitControlPlane;

impl Action for WaitControlPlane {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let gate = cx.gate.clone();
        gate.effect(|| {
            wait_for_kubelet(cx)?;
            wait_for_replaced(cx)
        })?;
        let limit = cx.timeouts().control_plane_component_health_check;
        let components = health::control_plane(&cx.files, cx.facts()?, &cx.node()?.local_endpoint)?;
        let mut readmission = Readmission::new(cx, &PODS)?;
        let mut hopeless = Hopeless::new(&cx.host);
        let mut ended = Pace::new(&cx.clock, ENDED, ENDED);
        let start = cx.clock.monotonic();
        let mut lost = Pace::new(&cx.clock, LOST_MAJORITY, LOST_MAJORITY);
        wait_for_components(&components, limit, &cx.gate, &cx.clock, &cx.events, || {
            readmission.look()?;
            if ended.is_due(&cx.clock)
                && let Ok(runtime) = cx.runtime()
                && let Some(found) = hopeless.look(&cx.host, &runtime)
            {
                let elapsed = cx.clock.monotonic().saturating_sub(start);
                return Err(cx.hopeless("a healthy control plane", elapsed, found));
            }
            // No API server becomes healthy then, and none of them says why.
            if lost.is_due(&cx.clock) { quorum::require(cx) } else { Ok(()) }
        })?;
        if matches!(cx.task, Task::Init(..)) {
            reach(cx, limit)?;
        }
        cx.events.message("the control plane is healthy");
        Ok(())
    }
}

/// The kubelet keeps ending: it is no use to wait longer.
#[derive(Debug, thiserror::Error)]
#[error("the kubelet ends again and again")]
struct Crashes;

impl Fault for Crashes {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some("run 'journalctl -u kubelet -n 100' to see why".into())
    }
}

/// Nothing else comes up without the kubelet, so it has a deadline of its own, and one that does nothing but crash is
/// given up before that.
fn wait_for_kubelet(cx: &Context) -> Result<()> {
    const WHAT: &str = "a healthy kubelet";
    let Some(kubelet) = health::kubelet(&cx.files)? else { return Ok(()) };
    let services = Services::of(&cx.host);
    let mut crashes = CrashLoop::default();
    let start = cx.clock.monotonic();
    let elapsed = || cx.clock.monotonic().saturating_sub(start);
    let wait = Wait { slowest: SLOWEST, ..Wait::new(WHAT, cx.timeouts().kubelet_health_check) };
    let outcome = wait.until(&cx.clock, &cx.events, || {
        let Some(ailment) = ready::ailment(&kubelet)? else { return Ok(Poll::Ready(())) };
        if elapsed() > USUAL_START && crashes.is_one(services.restarts("kubelet")) {
            return Err(Crashes.into());
        }
        Ok(Poll::Pending(ailment))
    });
    outcome.map_err(|failure| match failure.downcast_ref::<Crashes>() {
        Some(_) => cx.diagnosed(WHAT, Duration::from_secs(elapsed().as_secs()), None).unwrap_or(failure),
        None => failure,
    })
}

/// How often a service was seen to end while it was waited for.
#[derive(Default)]
struct CrashLoop {
    seen: Option<u32>,
    times: u32,
}

impl CrashLoop {
    /// One end may be bad luck, such as a runtime that was just being restarted.
    const LIMIT: u32 = 5;

    /// Notes the service's count of restarts, which begins anew when somebody starts it; true when there were too many.
    fn is_one(&mut self, restarts: Option<u32>) -> bool {
        if let (Some(before), Some(now)) = (self.seen, restarts) {
            self.times += now.saturating_sub(before);
        }
        self.seen = restarts.or(self.seen);
        self.times >= Self::LIMIT
    }
}

/// Waits until what runs is what this run has written: a Pod whose manifest has changed answers for a moment longer.
fn wait_for_replaced(cx: &Context) -> Result<()> {
    let entries = cx.gate.entries();
    let is_changed = |pod: &&str| {
        let file = manifest(pod);
        entries.iter().any(|entry| {
            matches!(&entry.change, Change::WriteFile { path, before: Some(before), after, .. } if *path == file && before != after)
        })
    };
    let changed: Vec<(&str, i64)> =
        PODS.into_iter().filter(is_changed).filter_map(|pod| Some((pod, cx.files.modified(&manifest(pod))?))).collect();
    // Docker's own interface is none that could be asked.
    let (false, Ok(runtime)) = (changed.is_empty(), cx.runtime()) else { return Ok(()) };
    let limit = cx.timeouts().control_plane_component_health_check;
    let wait = Wait { slowest: SLOWEST, ..Wait::new("the Pods of the changed manifests", limit) };
    wait.until(&cx.clock, &cx.events, || {
        let containers = runtime.containers()?;
        let old: Vec<&str> =
            changed.iter().filter(|(pod, since)| !runs_since(&containers, pod, *since)).map(|(pod, _)| *pod).collect();
        Ok(if old.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending(format!("of these none runs yet as it is written now: {}", old.join(", ")))
        })
    })
}

/// A container of the component runs that was made after that moment.
fn runs_since(containers: &[Container], component: &str, since: i64) -> bool {
    containers.iter().any(|one| one.name == component && one.state == ContainerState::Running && one.created > since)
}

/// The address that all nodes will use does not lead here.
#[derive(Debug, thiserror::Error)]
#[error(
    "the API server of this host is healthy, but {server}, where others will look for it, did not lead to it within {limit:?}: {last}"
)]
struct Unreached {
    server: String,
    limit: Duration,
    last: String,
}

impl Fault for Unreached {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unreachable
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "let the load balancer, virtual address or DNS name of controlPlaneEndpoint lead to this host ('curl -k \
             {}/livez' shows what answers there), then run the same command again",
            self.server
        ))
    }
}

/// Waits until the cluster answers at the address in admin.conf. A load balancer needs a while to find out that there
/// is somebody behind it; whatever comes next would fail until then.
fn reach(cx: &mut Context, limit: Duration) -> Result<()> {
    let cluster = cx.new_cluster()?;
    let (config, node) = (cx.cluster()?, cx.node()?);
    let server = format!("https://{}", config.endpoint(&node.local_endpoint));
    let what = format!("an answer of the API server at {server}");
    cluster.wait_until_ready(cx.facts()?.api_server_probes.live, &what, limit, &cx.events).map_err(|failure| {
        match failure.downcast_ref() {
            Some(TimedOut { last, .. }) => Unreached { server, limit, last: last.clone() }.into(),
            None => failure,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_kubelet_that_only_crashes_is_given_up_and_one_that_was_started_anew_is_not() {
        let verdicts = |counts: &[Option<u32>]| {
            let mut crashes = CrashLoop::default();
            counts.iter().map(|count| crashes.is_one(*count)).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&[Some(40), Some(40), Some(44), Some(45)]), [false, false, false, true]);
        assert_eq!(verdicts(&[Some(40), Some(0), Some(1)]), [false; 3]);
        assert_eq!(verdicts(&[None, None, Some(9)]), [false; 3]);
    }

    #[test]
    fn a_container_from_before_the_manifest_was_changed_does_not_count() {
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
