//! A run after one that was interrupted: the API server may be restarting, or not start at all with its new files.
//!
//! It is waited for. If it does not come back, this host goes back to what it ran before, which needs no API.

use super::run::{Wanted, context};
use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, Wait};
use crate::cli::session::Session;
use crate::config::UpgradeConfig;
use crate::context::upgrading::{Change, Finishing, Scope};
use crate::ops::running::ThisHost;
use crate::phases::upgrade::component::keeps_exiting;
use crate::phases::upgrade::error::UpgradeFailed;
use crate::phases::upgrade::going_back::go_back;
use crate::phases::upgrade::host::back::put_back;
use crate::state::current_config;
use crate::state::upgrade::progress::{Progress, progress};
use std::path::Path;
use std::time::Duration;

const API_SERVER: &str = "kube-apiserver";
/// How long the API server may take to come back. A Pod has half a minute to end, and its successor to start.
const LIMIT: Duration = Duration::from_mins(2);

/// The run that needs the cluster.
pub struct Start<'a> {
    pub scope: Scope,
    pub kubeconfig: &'a Path,
    pub config: &'a UpgradeConfig,
    pub finish: Option<Finishing>,
    pub change: Option<Change>,
    pub dry_run: bool,
}

/// Opens the cluster with `attempt`. After an interrupted run it is tried again while the API server restarts, and in the end
/// this host goes back.
pub fn open_cluster<T>(
    start: Start<'_>,
    session: &mut Session,
    attempt: impl Fn(&mut Session) -> Result<T>,
) -> Result<T> {
    let cx = session.context(start.dry_run);
    let Some(progress) = progress(&cx.host.files)? else { return attempt(session) };
    let (clock, events) = (cx.host.clock.clone(), cx.events.clone());
    let wait = Wait::new("the API server, which an interrupted run may have restarted", LIMIT);
    let mut last = None;
    let opened = wait.until(&clock, &events, || match attempt(session) {
        Ok(opened) => Ok(Poll::Ready(opened)),
        Err(failure) if failure.retryable() => {
            let why = failure.to_string();
            last = Some(failure);
            match exits(session)? {
                Some(times) => Err(UpgradeFailed::Exits { times }.into()),
                None => Ok(Poll::Pending(why)),
            }
        }
        Err(failure) => Err(failure),
    });
    match (opened, last) {
        (Ok(opened), _) => Ok(opened),
        (Err(stopped), Some(last)) if start.scope != Scope::Worker && !start.dry_run => {
            let why = if stopped.downcast_ref::<UpgradeFailed>().is_some() { stopped } else { last };
            Err(return_to_former(progress, start, session, &why)?)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// How often the API server of this host has exited, if it does not recover.
fn exits(session: &Session) -> Result<Option<usize>> {
    let (cluster, node) = current_config::from_host(&session.context(false))?;
    let cx = session.context(false).configured(cluster, node);
    // Without its runtime, the deadline decides.
    let Ok(host) = ThisHost::find(&cx) else { return Ok(None) };
    keeps_exiting(&cx, API_SERVER, &host)
}

/// Goes back without the cluster; returns the failure with where everything stands.
fn return_to_former(progress: Progress, start: Start<'_>, session: &Session, why: &Failure) -> Result<Failure> {
    let (mut cluster, node) = current_config::from_host(&session.context(false))?;
    let stored = cluster.clone();
    if let Some(to) = progress.to {
        cluster.version = to;
    }
    let is_kubelet = progress.finish.is_some();
    let wanted = Wanted {
        scope: start.scope,
        kubeconfig: start.kubeconfig.into(),
        stored,
        cluster,
        node,
        before: progress.from,
        renewal_is_given: false,
        finish: start.finish,
        change: start.change,
    };
    let mut cx = context(wanted, start.config, false, session)?;
    if is_kubelet {
        // Its components were ready with their new files; what stopped them since is the kubelet.
        return Ok(put_back(&mut cx, why));
    }
    let host = ThisHost::find(&cx)?;
    Ok(go_back(&mut cx, API_SERVER, why, &host))
}
