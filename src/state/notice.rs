//! How long a cluster takes to notice that the host of a node is gone.
//!
//! A kubelet renews its Lease every ten seconds, and the controller manager marks a node as `NotReady` if it has not
//! done so for some time. Until then a host that has just lost its power cannot be distinguished from a running one.
//!
//! Reads: the node, its Lease, the manifest of the controller manager on this host. Writes: nothing.

use crate::base::fault::Result;
use crate::base::go_duration;
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::Context;
use crate::kube::cluster::Cluster;
use crate::kube::kind::{LEASE, NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::pki::moment;
use crate::state::leave_error::LeaveError;
use crate::state::static_pod::StaticPod;
use serde_json::Value;
use std::time::Duration;

/// The check interval of the controller manager (--node-monitor-period).
const CHECK_INTERVAL: u64 = 5;
/// The possible delay of a kubelet's last report, and of the controller manager.
const SPARE: u64 = 15;
/// How long another controller manager takes to lead (--leader-elect-lease-duration, and two attempts). It counts the
/// whole grace period from then on, whatever the last report is.
const ELECTION: u64 = 20;
/// The default of --node-monitor-grace-period of the controller manager up to v1.31, and later.
const GRACE: [u64; 2] = [40, 50];
const LONGER_FROM: u16 = 32;

/// The time of a kubelet's last report, as text.
fn last_report(cluster: &Cluster, node: &Value) -> Result<String> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let lease = cluster.find(&ObjectRef::new(&LEASE, "kube-node-lease", name))?.unwrap_or_default();
    if let Some(text) = lease["spec"]["renewTime"].as_str() {
        return Ok(text.to_owned());
    }
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    let beat = ready.and_then(|ready| ready["lastHeartbeatTime"].as_str());
    Ok(beat.unwrap_or_default().to_owned())
}

/// How long the cluster waits for a report, in seconds.
fn grace(cx: &Context) -> Result<u64> {
    let pod = StaticPod::read(&cx.host.files, "kube-controller-manager")?.unwrap_or_default();
    let given = pod.flag("node-monitor-grace-period").and_then(go_duration::parse);
    let given = given.and_then(|nanos| u64::try_from(nanos / 1_000_000_000).ok());
    let [short, long] = GRACE;
    let default = if cx.cluster()?.version.minor < LONGER_FROM { short } else { long };
    Ok(given.unwrap_or(default))
}

/// The error that the cluster does not regard a node as dead: its last report, and when it will be missed.
pub fn still_reports(cx: &Context, cluster: &Cluster, node: &Value) -> Result<LeaveError> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let (ago, left) = ages(cx, &last_report(cluster, node)?)?;
    Ok(LeaveError::Alive { name, ago, left })
}

/// How long ago the last report was, if known, and how long until the next one is missed. Clocks of hosts differ, so
/// the latter may not exceed the grace period. A controller manager that did not miss it in time has just begun to count.
fn ages(cx: &Context, report: &str) -> Result<(Option<u64>, u64)> {
    let patience = grace(cx)? + CHECK_INTERVAL;
    let ago = moment::parse(report).map(|at| u64::try_from(cx.host.clock.now() - at).unwrap_or_default());
    let left = patience.saturating_sub(ago.unwrap_or_default());
    Ok((ago, if left == 0 { patience } else { left }))
}

/// Waits until the cluster marks the node as `NotReady`.
pub fn wait(cx: &Context, cluster: &Cluster, node: &Value) -> Result<()> {
    let first = last_report(cluster, node)?;
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let what = format!("the cluster to notice that {name} is gone");
    // Noticing ends the wait, so that a long limit costs nothing.
    let limit = Duration::from_secs(ELECTION + grace(cx)? + CHECK_INTERVAL + SPARE);
    let wait = Wait { slowest: Duration::from_secs(1), ..Wait::new(&what, limit) };
    let mut last = node.clone();
    let outcome = wait.until(&cx.host.clock, &cx.events, || {
        let Some(now) = cluster.find(&ObjectRef::global(&NODE, name))? else { return Ok(Poll::Ready(())) };
        if !is_ready(&now) {
            return Ok(Poll::Ready(()));
        }
        last = now;
        let report = last_report(cluster, &last)?;
        if report != first {
            return Err(still_reports(cx, cluster, &last)?.into());
        }
        Ok(Poll::Pending(format!("its kubelet last reported at {report}")))
    });
    match outcome {
        Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => Err(still_reports(cx, cluster, &last)?.into()),
        other => other,
    }
}
