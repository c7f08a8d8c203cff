//! Evicts the Pods of the node that is removed, as their disruption budgets allow.
//!
//! Reads: the nodes, the Pods of this one. Writes: cordons the node, and evicts its Pods, except those that only this
//! node can have (of a `DaemonSet`, static).

use crate::base::fault::{Failure, Result};
use crate::context::{Leaving, Place, Run};
use crate::kube::cluster::Cluster;
use crate::kube::error::KubeError;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::ops::etcd_member::EtcdMembership;
use crate::ops::{cordon, eviction};
use crate::pipeline::{Phase, Target};
use crate::state::leave_error::LeaveError;
use serde_json::Value;

#[cfg(test)]
mod tests;

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
        if eviction::is_alone(&cluster, &name)? {
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
    let Some(pods) = eviction::evict(cluster, node, limit, &cx.host.clock, &cx.events)? else { return Ok(()) };
    let error = LeaveError::NotDrained { node: node.into(), pods };
    if !force {
        return Err(error.into());
    }
    cx.events.warning(format!("{error}; they are stopped with this node"));
    Ok(())
}
