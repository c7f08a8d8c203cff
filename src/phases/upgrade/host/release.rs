//! Uncordons the node of this host, if an upgrade has cordoned it.
//!
//! Reads: the Node. Writes: the Node.

use super::due::{own_node, wanted};
use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::{Context, Run, Upgrading};
use crate::kube::request::PatchKind;
use crate::ops::cordon;
use crate::pipeline::{Phase, Target};
use std::time::Duration;

/// The kubelet that was started may replace the Pods of etcd and the API server after the node was Ready.
const LIMIT: Duration = Duration::from_mins(2);

pub struct UncordonHost;

impl Phase<Upgrading> for UncordonHost {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        if wanted(cx).is_none() { Ok(()) } else { uncordon(cx) }
    }
}

/// Uncordons the node, also if an interrupted run has cordoned it. One that a user has cordoned stays so.
pub fn uncordon(cx: &mut Context) -> Result<()> {
    let (cluster, name) = (cx.new_cluster()?, own_node(cx)?);
    let done = Wait::new("the API server to uncordon the node", LIMIT).until(&cx.host.clock, &cx.events, || {
        let Some(node) = cluster.find(&name)? else { return Ok(Poll::Ready(false)) };
        let patch = cordon::upgraded_patch(&node);
        if let Some(patch) = &patch {
            cluster.patch(&name, PatchKind::Strategic, patch)?;
        }
        Ok(Poll::Ready(patch.is_some()))
    })?;
    if done {
        cx.events.message(format!("uncordoned {}", name.name));
    }
    Ok(())
}
