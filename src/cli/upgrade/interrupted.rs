//! A run after one that was interrupted: the API server may be restarting, or not start at all with its new files.
//!
//! Certificates that were half replaced are completed first: without them no component starts. Then the API server is waited for,
//! and so is etcd's majority, of which the member of this host may be a part. If the API server does not come back, this host goes
//! back to what it ran before, which needs no API.

use super::run::{Wanted, context};
use crate::base::fault::{Failure, Result};
use crate::base::wait::{Poll, Wait};
use crate::cli::session::Session;
use crate::config::UpgradeConfig;
use crate::context::Context;
use crate::context::upgrading::{Change, Finishing, Scope};
use crate::domain::paths::manifest;
use crate::ops::running::{Running, TOO_MANY_EXITS, ThisHost, only_running};
use crate::phases::upgrade::error::UpgradeFailed;
use crate::phases::upgrade::exits::Exits;
use crate::phases::upgrade::going_back::go_back;
use crate::phases::upgrade::half_done;
use crate::phases::upgrade::host::back::put_back;
use crate::state::current_config;
use crate::state::quorum;
use crate::state::upgrade::progress::{Progress, progress};
use std::path::Path;
use std::time::Duration;

const ETCD: &str = "etcd";
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
    if start.scope != Scope::Worker {
        let mut own = own_context(session)?;
        if start.dry_run {
            half_done::refuse(&mut own)?;
        } else {
            // Without its runtime, the kubelet decides when a component starts.
            let host = ThisHost::find(&own).ok();
            half_done::complete(&mut own, &progress, host.as_ref().map(|host| host as &dyn Running))?;
        }
    }
    let (clock, events) = (cx.host.clock.clone(), cx.events.clone());
    let wait = Wait::new("the API server, which an interrupted run may have restarted", LIMIT);
    let (mut last, mut component, mut exits) = (None, API_SERVER, Exits::since(session.env.clock.nanos()));
    let opened = wait.until(&clock, &events, || match attempt(session) {
        Ok(opened) => Ok(Poll::Ready(opened)),
        Err(failure) if is_waited_for(&failure) => {
            let (why, names) =
                (failure.to_string(), if quorum::is_lost(&failure) { &[ETCD][..] } else { &[ETCD, API_SERVER] });
            last = Some(failure);
            // Without its runtime, the deadline decides.
            let host = this_host(session).ok();
            if let Some(name) = host.map_or(Ok(None), |host| exits.too_many(names, &host))? {
                component = name;
                return Err(UpgradeFailed::Exits { times: TOO_MANY_EXITS }.into());
            }
            Ok(Poll::Pending(why))
        }
        Err(failure) => Err(failure),
    });
    match (opened, last) {
        (Ok(opened), _) => Ok(opened),
        (Err(stopped), Some(last)) if start.scope != Scope::Worker && !start.dry_run => {
            let exits = stopped.downcast_ref::<UpgradeFailed>().is_some();
            if !exits && is_down(ETCD, session)? {
                component = ETCD;
            } else if !exits && quorum::is_lost(&last) {
                // Other members are missing, which no file of this host brings back.
                return Err(last);
            }
            let why = if exits { stopped } else { last };
            Err(return_to_former(progress, start, session, component, &why)?)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// True if it may be over when the components of this host have started.
fn is_waited_for(failure: &Failure) -> bool {
    // While the member of this host starts, of two members only one answers.
    failure.retryable() || quorum::is_lost(failure)
}

/// Whether the component has a manifest on this host, but does not run.
fn is_down(name: &str, session: &Session) -> Result<bool> {
    let is_here = session.context(false).host.files.exists(&manifest(name));
    Ok(is_here && only_running(&this_host(session)?.containers(name)?).is_empty())
}

fn this_host(session: &Session) -> Result<ThisHost> {
    ThisHost::find(&own_context(session)?)
}

/// A context with what the files of this host say about it.
fn own_context(session: &Session) -> Result<Context> {
    let cx = session.context(false);
    let (cluster, node) = current_config::from_host(&cx)?;
    Ok(cx.configured(cluster, node))
}

/// Goes back without the cluster; returns the failure with where everything stands.
fn return_to_former(
    progress: Progress,
    start: Start<'_>,
    session: &Session,
    component: &str,
    why: &Failure,
) -> Result<Failure> {
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
    Ok(go_back(&mut cx, component, why, &host))
}

#[cfg(test)]
mod tests {
    use super::super::opened::resolve_run;
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::test_output::{Written, env};
    use crate::config::{UpgradeFlags, UpgradeTask};
    use crate::domain::paths::ADMIN_CONF;
    use crate::etcd::EtcdError;
    use crate::pki::catalog;
    use crate::pki::keys::Generator;
    use crate::pki::renew::Names;
    use crate::state::renewal_fixture::{self, CREATED, renewing};
    use crate::state::upgrade::error::UpgradeError;
    use crate::state::upgrade::progress::PROGRESS_FILE;
    use clap::Parser;

    /// The power was cut between peer.key and peer.crt: the next run waited for etcd, which could not start, and then went back.
    /// A dry run then waited for two minutes for an API server that could not start, and did not say why.
    #[test]
    fn a_half_replaced_certificate_of_etcd_is_completed_before_the_cluster_is_opened_and_refused_by_a_dry_run() {
        let root = renewal_fixture::host();
        let (peer, store) = (catalog::cert("etcd-peer").unwrap(), renewal_fixture::store(&root, CREATED));
        let at = |path: &str| root.path().join(path);
        let old = std::fs::read(at("etc/kubernetes/pki/etcd/peer.crt")).unwrap();
        let cx = renewing(&root, None);
        store.renew(peer, cx.cluster().unwrap(), cx.node().unwrap(), &Generator, Names::Keep).unwrap();
        let staged = serde_json::to_vec(&store.pair(peer).unwrap().unwrap()).unwrap();
        std::fs::write(at("etc/kubernetes/pki/etcd/peer.renewing"), staged).unwrap();
        std::fs::write(at("etc/kubernetes/pki/etcd/peer.crt"), &old).unwrap();
        let record = Progress { backup: "/var/lib/kubewright/backup/upgrade-1".into(), ..Progress::default() };
        std::fs::create_dir_all(at("var/lib/kubewright")).unwrap();
        std::fs::write(at(&PROGRESS_FILE[1..]), serde_json::to_string(&record).unwrap()).unwrap();

        let cli =
            Cli::try_parse_from(["kubewright", "--rootfs", root.path().to_str().unwrap(), "upgrade", "node"]).unwrap();
        let mut session = Session::new(env(&Written::default(), &Written::default()), &cli.global);
        let (config, dry_run) = resolve_run(None, UpgradeTask::Node, &UpgradeFlags::default(), &mut session).unwrap();
        let (scope, kubeconfig) = (Scope::ControlPlane, Path::new(ADMIN_CONF));
        let start = |dry_run| Start { scope, kubeconfig, config: &config, finish: None, change: None, dry_run };
        let refused = open_cluster(start(true), &mut session, |_| Ok(())).unwrap_err();
        assert!(refused.to_string().contains("etcd/peer.crt does not belong to its key"), "{refused}");
        assert!(!store.belong_together(peer));
        assert!(open_cluster(start(dry_run), &mut session, |_| Ok(store.belong_together(peer))).unwrap());
        let kept = at("var/lib/kubewright/backup/upgrade-1/etc/kubernetes/pki/etcd/peer.crt");
        assert_eq!(std::fs::read(kept).unwrap(), old);
    }

    /// Of two members, one was still starting when the upgrade that a power cut had interrupted was run again: it was refused.
    #[test]
    fn a_member_of_etcd_that_starts_after_a_power_cut_is_waited_for() {
        let lost = |answering| {
            EtcdError::QuorumLost { answering, voters: 2, needed: 2, missing: vec!["n1".into()], cut_off: false }.into()
        };
        assert!(is_waited_for(&lost(1)) && is_waited_for(&lost(0)));
        assert!(!is_waited_for(&UpgradeError::NoConfiguration.into()));
    }
}
