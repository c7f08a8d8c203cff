//! Labels and taints that make a node a control plane.
//!
//! Reads: the node. Writes: missing labels and taints; other ones stay.

use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::pipeline::{Action, Target};
use crate::render::objects::mark;

pub struct MarkControlPlane;

impl Action for MarkControlPlane {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let cluster = cx.new_cluster()?;
        let config = cx.node()?;
        let node = cluster.wait_for_node(&config.name, config.timeouts.tls_bootstrap, &cx.events, || Ok(()))?;
        let Some(patch) = mark::control_plane_patch(cx.facts()?, &node, config.taints.as_deref()) else {
            cx.events.message(format!("node {} is already marked", config.name));
            return Ok(());
        };
        cluster.patch(&ObjectRef::global(&NODE, &config.name), PatchKind::Strategic, &patch)?;
        cx.events.message(format!("marked node {} as a control plane", config.name));
        Ok(())
    }
}
