//! A node on another host, taken out of the cluster from here: what must be right first, and its place in etcd.
//!
//! Reads: the node, etcd's members. Writes: the membership.

use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::Context;
use crate::etcd::Departure;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::ops::etcd_member::{self, Place};
use crate::phases::delete_node;
use crate::pipeline::{Action, Target};
use crate::state::leave_error::LeaveError;
use crate::state::notice;

#[cfg(test)]
mod tests;

/// The node must not be this host, must be as dead as the user says, and etcd must be able to do without it.
pub struct RemoveCheck;

impl Action for RemoveCheck {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let name = cx.leaving()?.name.clone();
        if cx.leaving()?.node.name == name {
            return Err(LeaveError::IsThisHost(name).into());
        }
        let dead = cx.leaving()?.dead;
        let Some(cluster) = crate::state::api_health::api(cx)? else { return Ok(()) };
        let found = cluster.find(&ObjectRef::global(&NODE, &name))?;
        match &found {
            Some(found) if dead && is_ready(found) && cx.leaving()?.wait => notice::wait(cx, &cluster, found)?,
            Some(found) if dead && is_ready(found) => return Err(notice::still_reports(cx, &cluster, found)?.into()),
            Some(found) if !dead && !is_ready(found) => return Err(LeaveError::MaybeDead(name).into()),
            _ => {}
        }
        match find_place(cx).map_err(LeaveError::elsewhere)? {
            Place::None if found.is_none() => Err(LeaveError::NoSuchNode(name).into()),
            Place::Last => Err(LeaveError::elsewhere(LeaveError::LastMember { name }.into())),
            Place::Unknown(why) => Err(LeaveError::elsewhere(LeaveError::EtcdSilent { why }.into())),
            // A kubelet that is away says nothing of its host.
            Place::Member { .. } if dead && etcd_member::is_alive(cx)? => Err(LeaveError::MemberAlive(name).into()),
            Place::None | Place::Member { .. } => Ok(()),
        }
    }
}

/// Takes the node's member out of etcd.
pub struct RemoveMember;

impl Action for RemoveMember {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        if !matches!(find_place(cx)?, Place::Member { .. }) {
            cx.events.message("it has no member of etcd: nothing to do");
            return Ok(());
        }
        let name = cx.leaving()?.name.clone();
        if etcd_member::leave(cx).map_err(LeaveError::elsewhere)? == Departure::Removed {
            cx.events.message(format!("took the member of {name} out of etcd"));
        }
        Ok(())
    }
}

/// An etcd that others run knows nothing of nodes.
fn find_place(cx: &mut Context) -> Result<Place> {
    match cx.cluster()?.etcd {
        Etcd::External(_) => Ok(Place::None),
        Etcd::Local(_) => delete_node::place(cx),
    }
}
