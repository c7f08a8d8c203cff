//! How a node leaves its cluster, whichever host that is asked of: its Pods, its place in etcd, what the cluster
//! remembers of it.

use crate::base::fault::Result;
use crate::base::wait::{Poll, Wait};
use crate::context::Context;
use crate::context::leaving::Answer;
use crate::domain::paths::manifest;
use crate::host::service::Services;
use crate::kube::cluster::Cluster;
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::may_have_data;
use crate::state::reset_progress;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The API server of this host answers within this time after the kubelet has started it, or not at all.
const START_LIMIT: Duration = Duration::from_secs(20);

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
    let leaving = cx.leaving_mut()?;
    if leaving.taken_out && matches!(leaving.answers, Some(Answer::Silent(_))) {
        let what = "the node of this host in the cluster, if it is still listed";
        leaving.notes.push(format!("{what}; run 'kubectl delete node {}' on a control plane", leaving.name));
        leaving.answers = Some(Answer::NotAsked);
        cx.events.message("the etcd members report that this host was removed: the cluster is not informed again");
    }
    match cx.leaving()?.answers.clone() {
        Some(Answer::Silent(why)) => Err(LeaveError::Silent { why, here }.into()),
        Some(Answer::NotAsked) => Ok(None),
        Some(Answer::Well) | None => Ok(Some(cx.running_cluster(&path)?)),
    }
}

fn ask(cx: &mut Context, path: &Path) -> Result<Answer> {
    let here = cx.leaving()?.is_here();
    let told = here && reset_progress::read(cx)?.told;
    let why = match cx.running_cluster(path) {
        Ok(cluster) => {
            let limit = if told || !may_be_starting(cx)? { Duration::ZERO } else { START_LIMIT };
            match wait_until_ready(cx, &cluster, limit) {
                Ok(()) => return Ok(Answer::Well),
                Err(why) => why,
            }
        }
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
    // Where the whole cluster is to end, and this host has none of its data, there is nothing that only it knows.
    let ends = here && cx.leaving()?.end_cluster && !may_have_data(cx)?;
    let leaving = cx.leaving_mut()?;
    if !here || !leaving.force && !ends {
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

/// True when this host has an API server and a kubelet that starts it, as after an `init` that was killed.
fn may_be_starting(cx: &Context) -> Result<bool> {
    let leaving = cx.leaving()?;
    let starts = || Services::of(&cx.host).state("kubelet").is_ok_and(|state| state.active);
    Ok(leaving.is_here() && !leaving.force && cx.files.exists(&manifest("kube-apiserver")) && starts())
}

/// Why the API server is not ready within the limit.
fn wait_until_ready(cx: &Context, cluster: &Cluster, limit: Duration) -> std::result::Result<(), String> {
    let mut why = String::new();
    let ready = || {
        why = match cluster.text("/readyz") {
            Ok((200, _)) => return Ok(Poll::Ready(())),
            Ok((status, _)) => format!("it is not ready (HTTP status {status})"),
            Err(error) => error.to_string(),
        };
        Ok(Poll::Pending(why.clone()))
    };
    let waited = Wait::new("the API server", limit).until(&cx.clock, &cx.events, ready);
    waited.map_err(|_| why)
}
