//! Whether the kubelet that was started works: it stays up and healthy, and the node is Ready with its version.

use super::due::{own_node, reported_version};
use super::error::HostNotFinished;
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::host::service::Services;
use crate::kube::node::is_ready;
use crate::kube::ready::problem_of;
use crate::state::health;
use crate::versions::Version;
use std::time::Duration;

const KUBELET: &str = "kubelet";
/// A kubelet that exits that often does so for a reason that stays.
const TOO_MANY_EXITS: u32 = 3;
/// The API server of this host may restart with the kubelet, because its container is described in another way.
const NODE_LIMIT: Duration = Duration::from_mins(4);

/// Waits until the kubelet is healthy and the node is Ready, and reports `version` if it is known.
pub fn prove(cx: &mut Context, version: Option<&Version>) -> Result<()> {
    let gate = cx.host.gate.clone();
    gate.effect(|| {
        // A restart of a service that exits again and again does not reset the count.
        let before = restarts(cx);
        healthy(cx, before)?;
        node_is_ready(cx, version, before)
    })?;
    Ok(())
}

fn restarts(cx: &Context) -> u32 {
    Services::of(&cx.host).restarts(KUBELET).unwrap_or_default()
}

/// Fails if the service was restarted too often since it had been restarted `before` times.
fn require_up(cx: &Context, before: u32) -> Result<()> {
    let times = restarts(cx).saturating_sub(before);
    if times >= TOO_MANY_EXITS { Err(HostNotFinished::Exits { times }.into()) } else { Ok(()) }
}

fn healthy(cx: &Context, before: u32) -> Result<()> {
    let limit = cx.timeouts().kubelet_health_check;
    Wait::new("a healthy kubelet", limit).until(&cx.host.clock, &cx.events, || {
        require_up(cx, before)?;
        let Some(kubelet) = health::kubelet(&cx.host.files)? else { return Ok(Poll::Ready(())) };
        Ok(problem_of(&kubelet)?.map_or(Poll::Ready(()), Poll::Pending))
    })
}

fn node_is_ready(cx: &mut Context, version: Option<&Version>, before: u32) -> Result<()> {
    // The kubelet may have renewed what the connection was made with.
    cx.close_cluster();
    let (cluster, name) = (cx.new_cluster()?, own_node(cx)?);
    let what = format!("the node {} to be Ready", name.name);
    let wait = Wait { slowest: Duration::from_secs(1), ..Wait::new(&what, NODE_LIMIT) };
    wait.until(&cx.host.clock, &cx.events, || {
        require_up(cx, before)?;
        let node = match cluster.find(&name) {
            Ok(Some(node)) => node,
            Ok(None) => return Ok(Poll::Pending("it is not in the cluster".into())),
            Err(error) => return Ok(Poll::Pending(error.to_string())),
        };
        // A kubelet that reports its version has reported whether it is ready with it.
        let reported = reported_version(&node);
        Ok(match version {
            Some(version) if reported.as_ref() != Some(version) => {
                let shown = reported.map_or_else(|| "no version".into(), |reported| reported.to_string());
                Poll::Pending(format!("it reports {shown}, not {version}"))
            }
            _ if is_ready(&node) => Poll::Ready(()),
            _ => Poll::Pending("it is not Ready".into()),
        })
    })
}
