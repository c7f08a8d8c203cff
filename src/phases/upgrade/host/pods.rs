//! Cordons the node of this host and evicts its Pods, as their disruption budgets allow, before the kubelet is replaced.
//!
//! A cluster in which no other node can run the Pods is not drained: they stay, and are named.
//!
//! Reads: the nodes, the Pods of this one, the API servers. Writes: cordons the node and evicts its Pods.

use super::due::{begin, finishing, is_due, older_api_servers, own_node, wanted};
use super::error::HostNotFinished;
use super::release::uncordon;
use crate::base::fault::Result;
use crate::context::{Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::kube::node::is_ready;
use crate::kube::request::PatchKind;
use crate::ops::{cordon, eviction, upgrade_progress};
use crate::pipeline::{Phase, Target};
use serde_json::Value;

pub struct DrainHost;

impl Phase<Upgrading> for DrainHost {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        let Some(finish) = wanted(cx) else { return Ok(()) };
        if !is_due(cx)? || must_wait(cx)? {
            return Ok(());
        }
        let (cluster, name) = (cx.new_cluster()?, own_node(cx)?);
        let node = cluster.read(&name)?;
        if !is_ready(&node) {
            cx.events.message(format!("{} is not Ready: its kubelet would not stop evicted Pods", name.name));
            return Ok(());
        }
        if eviction::is_alone(&cluster, &name.name)? {
            let pods = shown(&cluster.pods_of(&name.name)?, eviction::is_evictable);
            if !pods.is_empty() {
                cx.events.warning(format!(
                    "no other node can run the Pods of {}: they stay, and their containers may restart with the kubelet: {}",
                    name.name,
                    pods.join(", ")
                ));
            }
            return Ok(());
        }
        require_controllers(&cluster, &name.name)?;
        begin(cx)?;
        if let Some(patch) = cordon::upgrade_patch(&node) {
            cluster.patch(&name, PatchKind::Strategic, &patch)?;
            cx.events.message(format!("cordoned {}", name.name));
        }
        let evicted = eviction::evict(&cluster, &name.name, finish.drain_limit, &cx.host.clock, &cx.events);
        let failure = match evicted {
            Ok(None) => return Ok(()),
            Ok(Some(pods)) => {
                let outcome = "the kubelet was not replaced, and the node accepts Pods again".into();
                HostNotFinished::NotDrained { node: name.name, pods, outcome }.into()
            }
            Err(failure) => failure,
        };
        // The kubelet is the former one, so nothing has to be continued.
        uncordon(cx)?;
        upgrade_progress::forget(cx)?;
        Err(failure)
    }
}

/// True if the kubelet cannot be replaced yet, because another API server is older.
pub fn must_wait(cx: &mut Run<Upgrading>) -> Result<bool> {
    let Some(waits) = older_api_servers(cx)? else { return Ok(false) };
    cx.events.warning(format!(
        "the kubelet of this host stays: a kubelet must not be newer than an API server, and {waits}"
    ));
    if let Some(finish) = finishing(cx) {
        finish.waits = Some(waits);
    }
    Ok(true)
}

/// The same before anything changes, if this run evicts Pods.
pub fn require_evictable(cx: &mut Run<Upgrading>, cluster: &Cluster) -> Result<()> {
    let drains = wanted(cx).is_some_and(|finish| finish.drains);
    if !drains || !is_due(cx)? || older_api_servers(cx)?.is_some() {
        return Ok(());
    }
    let name = cx.node()?.name.clone();
    if eviction::is_alone(cluster, &name)? { Ok(()) } else { require_controllers(cluster, &name) }
}

/// Fails if there are Pods that an eviction would delete for good.
pub fn require_controllers(cluster: &Cluster, node: &str) -> Result<()> {
    let is_lost = |pod: &Value| {
        eviction::is_evictable(pod)
            && eviction::has_no_controller(pod)
            && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let pods = shown(&cluster.pods_of(node)?, is_lost);
    if pods.is_empty() { Ok(()) } else { Err(HostNotFinished::LonePods { node: node.into(), pods }.into()) }
}

fn shown(pods: &[Value], such: impl Fn(&Value) -> bool) -> Vec<String> {
    let name = |pod: &Value| {
        let part = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", part("namespace"), part("name"))
    };
    pods.iter().filter(|pod| such(pod)).map(name).collect()
}
