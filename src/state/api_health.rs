//! Whether the API server of the cluster responds, for `reset` and `node remove`.
//!
//! Reads: its readiness, the progress of an earlier reset. Writes: notes for the report.

use crate::base::fault::Result;
use crate::base::wait::{Poll, TimedOut, Wait};
use crate::context::leaving::ApiHealth;
use crate::context::{Context, Leaving, Place, Run};
use crate::domain::paths::manifest;
use crate::host::service::Services;
use crate::kube::cluster::Cluster;
use crate::state::leave_error::LeaveError;
use crate::state::local_etcd::may_have_data;
use crate::state::own_api;
use crate::state::reset_progress;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long an API server of this host that was only just started gets to respond.
const START_LIMIT: Duration = Duration::from_mins(1);

/// The cluster, if it responds. Checked once. An unreachable cluster fails each step that needs it, unless the user
/// continues without it, or an earlier run has already informed the cluster.
pub fn api<H: Place>(cx: &mut Run<Leaving<H>>) -> Result<Option<Arc<Cluster>>> {
    let Some(path) = cx.work.kubeconfig.clone() else { return Ok(None) };
    if cx.work.api_health.is_none() {
        let answer = check(cx, &path)?;
        cx.work.api_health = Some(answer);
    }
    let here = cx.work.is_here();
    let leaving = &mut cx.work;
    if leaving.removed_elsewhere && matches!(leaving.api_health, Some(ApiHealth::Unreachable(_))) {
        let what = "the node of this host in the cluster, if it is still listed";
        leaving.notes.push(format!("{what}; run 'kubectl delete node {}' on a control plane", leaving.name));
        leaving.api_health = Some(ApiHealth::NotChecked);
        cx.events.message("the etcd members report that this host was removed: the cluster is not informed again");
    }
    match cx.work.api_health.clone() {
        Some(ApiHealth::Unreachable(why)) => Err(LeaveError::Silent { why, here }.into()),
        Some(ApiHealth::NotChecked) => Ok(None),
        Some(ApiHealth::Ready) | None => Ok(Some(cx.running_cluster(&path)?)),
    }
}

fn check<H: Place>(cx: &mut Run<Leaving<H>>, path: &Path) -> Result<ApiHealth> {
    let here = cx.work.is_here();
    let is_informed = here && reset_progress::read(cx)?.cluster_informed;
    let own = cx.node()?.local_endpoint.clone();
    own_api::use_if_needed(cx, path, &own);
    let why = match cx.running_cluster(path) {
        Ok(cluster) => {
            let limit = if is_informed || !may_be_starting(cx) { Duration::ZERO } else { START_LIMIT };
            match wait_until_ready(cx, &cluster, limit) {
                Ok(()) => return Ok(ApiHealth::Ready),
                Err(failure) => failure.downcast_ref().map_or_else(String::new, |TimedOut { last, .. }| last.clone()),
            }
        }
        Err(failure) if !here => return Err(failure),
        // Incomplete credentials, for example of an interrupted join: no node was created with them yet.
        Err(failure) if !is_informed => {
            cx.events.message(format!(
                "{} cannot be used ({failure}): the node is not deleted from the cluster",
                path.display()
            ));
            return Ok(ApiHealth::NotChecked);
        }
        Err(failure) => failure.to_string(),
    };
    if is_informed {
        cx.events.message("an earlier run has already deleted the node from the cluster");
        return Ok(ApiHealth::NotChecked);
    }
    // If the whole cluster is to end and this host has none of its data, the cluster does not need to be informed.
    let ends = here && cx.work.end_cluster && !may_have_data(cx)?;
    let leaving = &mut cx.work;
    if !here || !leaving.force && !ends {
        return Ok(ApiHealth::Unreachable(why));
    }
    let note = format!(
        "the node was not deleted from the cluster, because the API server does not respond; if other control planes \
         still run, run 'kubewright node remove {} --dead' on one of them",
        leaving.name
    );
    leaving.notes.push(note);
    cx.events.warning(format!("the API server does not respond, so the node is not deleted from the cluster: {why}"));
    Ok(ApiHealth::NotChecked)
}

/// True if the user ends the cluster and the kubelet of this host starts its API server, for example after an `init` that
/// was killed. Otherwise an API server that does not respond is reported at once.
fn may_be_starting<H: Place>(cx: &Run<Leaving<H>>) -> bool {
    let leaving = &cx.work;
    let starts = || Services::of(&cx.host).state("kubelet").is_ok_and(|state| state.active);
    let ends = leaving.is_here() && leaving.end_cluster && !leaving.force;
    ends && cx.host.files.exists(&manifest("kube-apiserver")) && starts()
}

/// Waits until the API server is ready.
fn wait_until_ready(cx: &Context, cluster: &Cluster, limit: Duration) -> Result<()> {
    Wait::new("the API server", limit).until(&cx.host.clock, &cx.events, || {
        Ok(match cluster.text("/readyz") {
            Ok((200, _)) => Poll::Ready(()),
            Ok((status, _)) => Poll::Pending(format!("it is not ready (HTTP status {status})")),
            Err(error) => Poll::Pending(error.to_string()),
        })
    })
}
