//! How a host becomes what it was before it was a node: what is removed, what never is, and what is told of the rest.

pub mod cleanup_node;
mod discard;
pub mod preflight;
mod remove_etcd_member;
pub mod undo_fix;

pub use remove_etcd_member::RemoveEtcdMember;

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::context::Context;
use crate::context::leaving::{Answer, Place};
use crate::host::removal;
use crate::journal::{Journal, PATH};
use crate::pipeline::{Action, Target};
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd;
use std::path::Path;

/// How many changes it would take to make this host clean; `cx` records only. The cluster is not asked.
///
/// # Errors
/// When the host cannot be looked at.
pub fn changes_wanted(cx: &mut Context, undo_fix: bool) -> Result<usize> {
    let fixes = if undo_fix { Journal::load(&cx.files)?.changes().len() } else { 0 };
    let etcd = local_etcd::local(cx)?.filter(|local| cx.host.is_live() && local.has_data);
    let leaving = cx.leaving_mut()?;
    (leaving.place, leaving.answers) = (Some(Place::None), Some(Answer::NotAsked));
    cleanup_node::CleanupNode.run(cx, &Target { path: String::new(), item: None })?;
    Ok(cx.gate.count() + fixes + usize::from(etcd.is_some()))
}

/// What is still on this host and gives access to the cluster, as an error; None where nothing is.
pub fn access_left(cx: &Context) -> Result<Option<LeaveError>> {
    let kept = cx.leaving()?.exposed.clone();
    Ok(if kept.is_empty() { None } else { Some(LeaveError::AccessLeft { kept }) })
}

/// Forgets the cluster's files and folders, of which the journal has nothing more to tell. That is our own
/// bookkeeping: it stands in no plan.
///
/// # Errors
/// When the journal cannot be read or written.
pub fn forget_cluster(cx: &Context) -> Result<()> {
    cx.gate.effect(|| {
        let gate = Gate::open();
        let files = HostFiles::new(cx.files.root(), gate.clone());
        let mut journal = Journal::load(&files)?;
        journal.forget_cluster(&files);
        journal.save(&files)?;
        let host = crate::host::Host::new(&cx.vars, cx.clock.clone(), files, gate);
        if let Some(folder) = Path::new(PATH).parent() {
            removal::remove_empty(&host, folder, folder)?;
        }
        Ok::<_, crate::base::fault::Failure>(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
