//! How a node leaves its cluster, whichever host that is asked of: its Pods, its place in etcd, what the cluster
//! remembers of it.

pub mod drain;
pub mod elsewhere;
pub mod error;
pub mod etcd;
pub mod node;
pub mod status;

#[cfg(test)]
mod test_cluster;

use crate::base::fault::Result;
use crate::context::Context;
use crate::kube::cluster::Cluster;
use error::LeaveError;
use std::sync::Arc;

/// The cluster, if it answers. Asked once; a cluster that does not answer ends the command, unless it was told to
/// go on all the same.
///
/// # Errors
/// When the cluster does not answer or is not well, without `--force`.
pub fn api(cx: &mut Context) -> Result<Option<Arc<Cluster>>> {
    let leaving = cx.leaving()?;
    let Some(path) = leaving.kubeconfig.clone() else { return Ok(None) };
    if leaving.answers == Some(false) {
        return Ok(None);
    }
    let known = leaving.answers.is_some();
    // Where the credentials are half made, as by a join that was cut short, nobody was let in yet.
    let cluster = match cx.running_cluster(&path) {
        Ok(cluster) => cluster,
        Err(failure) if cx.leaving()?.is_here() => {
            cx.events.message(format!("{} cannot be used ({failure}): the cluster is not told", path.display()));
            cx.leaving_mut()?.answers = Some(false);
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    if known {
        return Ok(Some(cluster));
    }
    let why = match cluster.text("/readyz") {
        Ok((200, _)) => None,
        Ok((status, _)) => Some(format!("it is not well (HTTP status {status})")),
        Err(error) => Some(error.to_string()),
    };
    cx.leaving_mut()?.answers = Some(why.is_none());
    let Some(why) = why else { return Ok(Some(cluster)) };
    let leaving = cx.leaving_mut()?;
    if !leaving.is_here() || !leaving.force {
        return Err(LeaveError::Silent { why, here: leaving.is_here() }.into());
    }
    let note = format!(
        "the cluster was not told, as its API server does not answer; if it lives on elsewhere, run \
         'kubewright node remove {} --dead' on one of its control planes",
        leaving.name
    );
    leaving.notes.push(note);
    cx.events.warning(format!("the API server does not answer, so the cluster is not told: {why}"));
    Ok(None)
}
