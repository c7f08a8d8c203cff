//! Labels, taints and annotations of this host's Node that the target version has, or has no longer.
//!
//! Reads: the Node. Writes: its labels, taints and annotations.

use crate::base::fault::Result;
use crate::context::upgrading::Scope;
use crate::context::{Run, Upgrading};
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::request::PatchKind;
use crate::pipeline::{Phase, Target};
use crate::render::objects::mark;

pub struct MarkUpgraded;

impl Phase<Upgrading> for MarkUpgraded {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        // The kubelet of a worker may not change what these patches change.
        if cx.work.purpose.scope == Scope::Worker {
            return Ok(());
        }
        let cluster = cx.new_cluster()?;
        let name = ObjectRef::global(&NODE, &cx.node()?.name);
        let node = cluster.read(&name)?;
        let facts = cx.facts()?;
        let patches = [mark::upgraded_control_plane_patch(facts, &node), mark::without_cri_socket_patch(facts, &node)];
        for patch in patches.into_iter().flatten() {
            cluster.patch(&name, PatchKind::Strategic, &patch)?;
            cx.events.message(format!("changed labels, taints or annotations of {name}"));
        }
        Ok(())
    }
}
