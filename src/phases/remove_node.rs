//! Removes a node on another host from the cluster: preconditions, and its etcd member.
//!
//! Reads: the node, the etcd members. Writes: the membership.

use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::{Elsewhere, Leaving, Run};
use crate::etcd::Departure;
use crate::kube::kind::{NODE, ObjectRef};
use crate::kube::node::is_ready;
use crate::ops::etcd_member::{self, EtcdMembership};
use crate::phases::delete_node;
use crate::pipeline::{Phase, Target};
use crate::state::leave_error::LeaveError;
use crate::state::notice;

#[cfg(test)]
mod tests;

/// The node must not be this host, must be in the state that the user specified, and etcd must keep its quorum without
/// it.
pub struct RemoveCheck;

impl Phase<Leaving<Elsewhere>> for RemoveCheck {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Leaving<Elsewhere>>, _: &Target) -> Result<()> {
        let name = cx.work.name.clone();
        if cx.node()?.name == name {
            return Err(LeaveError::IsThisHost(name).into());
        }
        let dead = cx.work.dead;
        let Some(cluster) = crate::state::api_health::api(cx)? else { return Ok(()) };
        let found = cluster.find(&ObjectRef::global(&NODE, &name))?;
        match &found {
            Some(found) if dead && is_ready(found) && cx.work.wait => notice::wait(cx, &cluster, found)?,
            Some(found) if dead && is_ready(found) => return Err(notice::still_reports(cx, &cluster, found)?.into()),
            Some(found) if !dead && !is_ready(found) => return Err(LeaveError::MaybeDead(name).into()),
            _ => {}
        }
        match determine_membership(cx).map_err(LeaveError::for_other_host)? {
            EtcdMembership::None if found.is_none() => Err(LeaveError::NoSuchNode(name).into()),
            EtcdMembership::Last => Err(LeaveError::for_other_host(LeaveError::LastMember { name }.into())),
            EtcdMembership::Unknown(why) => Err(LeaveError::for_other_host(LeaveError::EtcdSilent { why }.into())),
            // A kubelet that does not report does not mean that its host no longer exists.
            EtcdMembership::Member { .. } if dead && etcd_member::is_alive(cx)? => {
                Err(LeaveError::MemberAlive(name).into())
            }
            EtcdMembership::None | EtcdMembership::Member { .. } => Ok(()),
        }
    }
}

/// Removes the etcd member of the node.
pub struct RemoveMember;

impl Phase<Leaving<Elsewhere>> for RemoveMember {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Leaving<Elsewhere>>, _: &Target) -> Result<()> {
        if !matches!(determine_membership(cx)?, EtcdMembership::Member { .. }) {
            cx.events.message("it has no etcd member: nothing to do");
            return Ok(());
        }
        let name = cx.work.name.clone();
        if etcd_member::leave(cx).map_err(LeaveError::for_other_host)? == Departure::Removed {
            cx.events.message(format!("removed the etcd member of {name}"));
        }
        Ok(())
    }
}

/// An external etcd has no members of nodes.
fn determine_membership(cx: &mut Run<Leaving<Elsewhere>>) -> Result<EtcdMembership> {
    match cx.cluster()?.etcd {
        Etcd::External(_) => Ok(EtcdMembership::None),
        Etcd::Local(_) => delete_node::etcd_membership(cx),
    }
}
