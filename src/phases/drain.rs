//! Evicts the Pods of the node that is removed, as their disruption budgets allow.
//!
//! Reads: the nodes, the Pods of this one. Writes: cordons the node, and evicts its Pods, except those that only this
//! node can have (of a `DaemonSet`, static).

use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::{Leaving, Place, Run};
use crate::kube::cluster::Cluster;
use crate::kube::error::KubeError;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::ops::cordon;
use crate::ops::etcd_member::EtcdMembership;
use crate::pipeline::{Phase, Target};
use crate::state::leave_error::LeaveError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The pause before a refused eviction is retried, as in kubectl.
const RETRY: Duration = Duration::from_secs(5);
/// The longest pause between two polls of the Pods, which are one request.
const SLOWEST: Duration = Duration::from_secs(1);

pub struct Drain;

impl<H: Place> Phase<Leaving<H>> for Drain {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Leaving<H>>, _: &Target) -> Result<()> {
        if cx.work.dead {
            cx.events.message("the host no longer exists: its Pods are not evicted");
            return Ok(());
        }
        let Some(cluster) = crate::phases::delete_node::registered(cx)? else { return Ok(()) };
        let name = cx.work.name.clone();
        if matches!(crate::phases::delete_node::etcd_membership(cx)?, EtcdMembership::Last) {
            cx.events.message("this is the last host of the cluster: no Pod is evicted");
            return Ok(());
        }
        let Some(own) = cluster.find(&ObjectRef::global(&NODE, &name))? else { return Ok(()) };
        if !is_ready(&own) {
            cx.events.message(format!("{name} is not Ready: its kubelet would not stop evicted Pods"));
            return Ok(());
        }
        if is_alone(&cluster, &name)? {
            cx.events.message("no other node can run the Pods: no Pod is evicted");
            return Ok(());
        }
        match cordon_and_evict(cx, &cluster, &own) {
            Err(failure) if failure.downcast_ref().is_some_and(KubeError::is_forbidden) => {
                forbidden(cx, name, &failure)
            }
            other => other,
        }
    }
}

/// True if no other node accepts Pods. From v1.32 on a kubelet can read only its own node: then there may be others.
fn is_alone(cluster: &Cluster, own: &str) -> Result<bool> {
    let takes_pods =
        |node: &Value| node["metadata"]["name"] != own && is_ready(node) && node["spec"]["unschedulable"] != true;
    match cluster.list(&NODE, None, "") {
        Ok(nodes) => Ok(!nodes.iter().any(takes_pods)),
        Err(error) if error.is_forbidden() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A kubelet may cordon its own node and evict its own Pods, unless the cluster restricts that.
fn cordon_and_evict<H: Place>(cx: &mut Run<Leaving<H>>, cluster: &Cluster, node: &Value) -> Result<()> {
    cordon::cordon(cx, cluster, node)?;
    let name = cx.work.name.clone();
    evict_pods(cx, cluster, &name)
}

fn forbidden<H: Place>(cx: &Run<Leaving<H>>, node: String, failure: &Failure) -> Result<()> {
    let error = LeaveError::MayNotDrain { node, why: failure.to_string() };
    if !cx.work.force {
        return Err(error.into());
    }
    cx.events.warning(format!("{error}; they are stopped with this node"));
    Ok(())
}

fn evict_pods<H: Place>(cx: &mut Run<Leaving<H>>, cluster: &Cluster, node: &str) -> Result<()> {
    let (limit, force) = (cx.work.drain_limit, cx.work.force);
    // When the eviction of each Pod was last requested.
    let mut asked: BTreeMap<String, Duration> = BTreeMap::new();
    let mut waiting = Vec::new();
    let what = format!("the eviction of the Pods of {node}");
    let wait = Wait { slowest: SLOWEST, ..Wait::new(&what, limit) };
    let outcome = wait.until(&cx.clock, &cx.events, || {
        waiting.clear();
        let pods = cluster.pods_of(node)?;
        for pod in pods.iter().filter(|pod| is_evictable(pod)) {
            let Some(object) = ObjectRef::of(pod) else { continue };
            let shown = format!("{}/{}", object.namespace, object.name);
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                waiting.push(format!("{shown} is terminating"));
                continue;
            }
            let now = cx.clock.monotonic();
            match asked.get(&shown) {
                Some(last) if now.saturating_sub(*last) < RETRY => {
                    waiting.push(refused(&shown));
                    continue;
                }
                Some(_) => {}
                None => cx.events.message(format!("evicting {shown}{}", lost_with(pod))),
            }
            asked.insert(shown.clone(), now);
            match cluster.evict(&object) {
                Ok(_) => waiting.push(format!("{shown} is terminating")),
                Err(error) if error.is_too_many_requests() => waiting.push(refused(&shown)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending(waiting.join("; ")) })
    });
    match outcome {
        Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => {
            let error = LeaveError::NotDrained { node: node.into(), pods: waiting };
            if !force {
                return Err(error.into());
            }
            cx.events.warning(format!("{error}; they are stopped with this node"));
            Ok(())
        }
        other => other,
    }
}

fn refused(pod: &str) -> String {
    format!("{pod}: its disruption budget does not allow the eviction")
}

/// False for Pods that have terminated or belong to the node itself.
fn is_evictable(pod: &Value) -> bool {
    let ended = ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase);
    let is_static = !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null();
    !ended && !is_static && owner(pod).is_none_or(|kind| kind != "DaemonSet")
}

fn owner(pod: &Value) -> Option<&str> {
    let owners = pod["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().find(|owner| owner["controller"] == true)?["kind"].as_str()
}

/// What is lost with a Pod, as text for the user.
fn lost_with(pod: &Value) -> &'static str {
    let volumes = pod["spec"]["volumes"].as_array();
    match (owner(pod), volumes.into_iter().flatten().any(|volume| volume.get("emptyDir").is_some())) {
        (None, _) => " (no controller recreates it)",
        (Some(_), true) => " (the content of its emptyDir volumes is lost)",
        (Some(_), false) => "",
    }
}
