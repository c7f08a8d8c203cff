//! How a host is cleaned up after it was a node: what is removed, what is kept, and what is reported.

pub mod cleanup_node;
mod discard;
pub mod preflight;
mod remove_etcd_member;
pub mod undo_fix;

pub use remove_etcd_member::RemoveEtcdMember;

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::context::leaving::{ApiHealth, EtcdMembership};
use crate::context::{Context, Reset, Run};
use crate::host::removal;
use crate::journal::{Journal, PATH};
use crate::pipeline::{Phase, Target};
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd;
use std::path::Path;

/// The number of changes needed to clean this host; `cx` only records. The cluster is not contacted.
pub fn changes_wanted(cx: &mut Run<Reset>, undo_fix: bool) -> Result<usize> {
    let fixes = if undo_fix { Journal::load(&cx.host.files)?.changes().len() } else { 0 };
    let etcd = local_etcd::local(cx)?.filter(|local| cx.host.is_live() && local.has_data);
    let leaving = &mut cx.work;
    (leaving.etcd_membership, leaving.api_health) = (Some(EtcdMembership::None), Some(ApiHealth::NotChecked));
    cleanup_node::CleanupNode.run(cx, &Target { path: String::new(), item: None })?;
    Ok(cx.host.gate.count() + fixes + usize::from(etcd.is_some()))
}

/// The error for files on this host that still give access to the cluster; None if there are none.
pub fn access_left(cx: &Run<Reset>) -> Option<LeaveError> {
    let kept = cx.work.exposed.clone();
    if kept.is_empty() { None } else { Some(LeaveError::AccessLeft { kept }) }
}

/// Removes the cluster's files and directories from the journal. This is internal bookkeeping and not in the plan.
pub fn forget_cluster(cx: &Context) -> Result<()> {
    cx.host.gate.effect(|| {
        let gate = Gate::open();
        let files = HostFiles::new(cx.host.files.root(), gate.clone());
        let mut journal = Journal::load(&files)?;
        journal.forget_cluster(&files);
        journal.save(&files)?;
        let host = crate::host::Host::new(&cx.vars, cx.host.clock.clone(), files, gate);
        if let Some(directory) = Path::new(PATH).parent() {
            removal::remove_empty(&host, directory, directory)?;
        }
        Ok::<_, crate::base::fault::Failure>(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
