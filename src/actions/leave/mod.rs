//! How a node leaves its cluster, whichever host that is asked of: its Pods, its place in etcd, what the cluster
//! remembers of it.

pub mod closed;
pub mod drain;
pub mod elsewhere;
pub mod error;
pub mod etcd;
pub mod local_etcd;
pub mod node;
pub mod note;
mod notice;
pub mod status;
pub mod stopped;

#[cfg(test)]
mod test_cluster;

use crate::base::fault::Result;
use crate::context::Context;
use crate::context::leaving::{Answer, Place};
use crate::kube::cluster::Cluster;
use error::LeaveError;
use std::path::Path;
use std::sync::Arc;

/// The cluster, if it answers. Asked once; a cluster that does not answer ends the command each time somebody has to
/// tell it something, unless it was told to go on all the same, or an earlier run has told the cluster all.
///
/// # Errors
/// When the cluster does not answer or is not well, without `--force`.
pub fn api(cx: &mut Context) -> Result<Option<Arc<Cluster>>> {
    let Some(path) = cx.leaving()?.kubeconfig.clone() else { return Ok(None) };
    if cx.leaving()?.answers.is_none() {
        let answer = ask(cx, &path)?;
        cx.leaving_mut()?.answers = Some(answer);
    }
    let here = cx.leaving()?.is_here();
    match cx.leaving()?.answers.clone() {
        Some(Answer::Silent(why)) => Err(LeaveError::Silent { why, here }.into()),
        Some(Answer::NotAsked) => Ok(None),
        Some(Answer::Well) | None => Ok(Some(cx.running_cluster(&path)?)),
    }
}

fn ask(cx: &mut Context, path: &Path) -> Result<Answer> {
    let here = cx.leaving()?.is_here();
    let told = here && note::read(cx)?.told;
    let why = match cx.running_cluster(path) {
        Ok(cluster) => match cluster.text("/readyz") {
            Ok((200, _)) => return Ok(Answer::Well),
            Ok((status, _)) => format!("it is not well (HTTP status {status})"),
            Err(error) => error.to_string(),
        },
        Err(failure) if !here => return Err(failure),
        // Where the credentials are half made, as by a join that was cut short, nobody was let in yet.
        Err(failure) if !told => {
            cx.events.message(format!("{} cannot be used ({failure}): the cluster is not told", path.display()));
            return Ok(Answer::NotAsked);
        }
        Err(failure) => failure.to_string(),
    };
    if told {
        cx.events.message("the cluster was told by an earlier run");
        return Ok(Answer::NotAsked);
    }
    if here && was_taken_out(cx)? {
        let name = cx.leaving()?.name.clone();
        let what = "the node of this host in the cluster, if it is still listed";
        cx.events.message("the members of etcd say that this host has left: the cluster is not told again");
        cx.leaving_mut()?.notes.push(format!("{what}; run 'kubectl delete node {name}' on a control plane"));
        return Ok(Answer::NotAsked);
    }
    let leaving = cx.leaving_mut()?;
    if !here || !leaving.force {
        return Ok(Answer::Silent(why));
    }
    let note = format!(
        "the cluster was not told, as its API server does not answer; if it lives on elsewhere, run \
         'kubewright node remove {} --dead' on one of its control planes",
        leaving.name
    );
    leaving.notes.push(note);
    cx.events.warning(format!("the API server does not answer, so the cluster is not told: {why}"));
    Ok(Answer::NotAsked)
}

/// True when the other members of etcd no longer count this host's, as after 'node remove' on another control plane.
/// The API server of this host has ended with it.
fn was_taken_out(cx: &mut Context) -> Result<bool> {
    if !local_etcd::local(cx)?.is_some_and(|local| local.has_data) {
        return Ok(false);
    }
    // etcd is asked without the API server, whose silence this is about.
    cx.leaving_mut()?.answers = Some(Answer::NotAsked);
    let place = etcd::find_place(cx);
    let leaving = cx.leaving_mut()?;
    (leaving.answers, leaving.place) = (None, None);
    Ok(matches!(place, Ok(Place::None)))
}

#[cfg(test)]
mod tests;
