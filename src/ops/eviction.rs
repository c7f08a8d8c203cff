//! Evicts the Pods of a node, as their disruption budgets allow.
//!
//! Reads: the nodes, the Pods of this one. Writes: evicts its Pods, except those that only this node can have (of a
//! `DaemonSet`, static).

use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::fault::Result;
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::kube::cluster::Cluster;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// The pause before a refused eviction is retried, as in kubectl.
const RETRY: Duration = Duration::from_secs(5);
/// The longest pause between two polls of the Pods, which are one request.
const SLOWEST: Duration = Duration::from_secs(1);

/// True if no other node accepts Pods. From v1.32 on a kubelet can read only its own node: then there may be others.
pub fn is_alone(cluster: &Cluster, own: &str) -> Result<bool> {
    let takes_pods =
        |node: &Value| node["metadata"]["name"] != own && is_ready(node) && node["spec"]["unschedulable"] != true;
    match cluster.list(&NODE, None, "") {
        Ok(nodes) => Ok(!nodes.iter().any(takes_pods)),
        Err(error) if error.is_forbidden() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Evicts the Pods of a node, and waits until they have ended. After `limit` it returns those that are left, with the reasons.
pub fn evict(
    cluster: &Cluster,
    node: &str,
    limit: Duration,
    clock: &Clock,
    events: &Events,
) -> Result<Option<Vec<String>>> {
    // When the eviction of each Pod was last requested.
    let mut asked: BTreeMap<String, Duration> = BTreeMap::new();
    let mut waiting = Vec::new();
    let what = format!("the eviction of the Pods of {node}");
    let wait = Wait { slowest: SLOWEST, ..Wait::new(&what, limit) };
    let outcome = wait.until(clock, events, || {
        waiting.clear();
        let pods = cluster.pods_of(node)?;
        for pod in pods.iter().filter(|pod| is_evictable(pod)) {
            let Some(object) = ObjectRef::of(pod) else { continue };
            let shown = format!("{}/{}", object.namespace, object.name);
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                waiting.push(format!("{shown} is terminating"));
                continue;
            }
            let now = clock.monotonic();
            match asked.get(&shown) {
                Some(last) if now.saturating_sub(*last) < RETRY => {
                    waiting.push(refused(&shown));
                    continue;
                }
                Some(_) => {}
                None => events.message(format!("evicting {shown}{}", lost_with(pod))),
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
        Ok(()) => Ok(None),
        Err(failure) if failure.downcast_ref::<TimedOut>().is_some() => Ok(Some(waiting)),
        Err(failure) => Err(failure),
    }
}

fn refused(pod: &str) -> String {
    format!("{pod}: its disruption budget does not allow the eviction")
}

/// False for Pods that have terminated or belong to the node itself.
pub fn is_evictable(pod: &Value) -> bool {
    let ended = ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase);
    let is_static = !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null();
    !ended && !is_static && owner(pod).is_none_or(|kind| kind != "DaemonSet")
}

/// True if no controller creates the Pod again after its eviction.
pub fn has_no_controller(pod: &Value) -> bool {
    owner(pod).is_none()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_that_belong_to_the_node_stay() {
        let owned = |kind: &str| json!({"metadata": {"ownerReferences": [{"kind": kind, "controller": true}]}});
        assert!(is_evictable(&owned("ReplicaSet")) && is_evictable(&json!({"metadata": {}})));
        assert!(!is_evictable(&owned("DaemonSet")));
        assert!(!is_evictable(&json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})));
        assert!(!is_evictable(&json!({"metadata": {}, "status": {"phase": "Succeeded"}})));
        assert!(has_no_controller(&json!({"metadata": {}})) && !has_no_controller(&owned("ReplicaSet")));
    }
}
