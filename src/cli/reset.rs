//! `reset` and `reset phase …`.

use super::args::reset::ResetArgs;
use super::confirm::{confirm, left_text};
use super::facts;
use super::session::Session;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::config::ResetConfig;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::{Context, Leaving, Reset, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::domain::paths::BACKUP_DIR;
use crate::domain::paths::SUPER_ADMIN_CONF;
use crate::ops::turn;
use crate::phases;
use crate::phases::reset;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::report::{ChangeList, Closing, count};
use crate::state::current_config;
use crate::state::leave_error::LeaveError;
use crate::state::leftovers::{self, Leftover};
use crate::state::quorum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// The phase that only runs on request.
const UNDO: &str = "undo-fix";

/// Runs the whole workflow, or the selected phase.
pub fn run(args: &ResetArgs, phase: Option<String>, session: &mut Session) -> Result<ExitCode> {
    let documents = session.documents(args.config.as_deref())?;
    let resolved = documents.reset(&args.flags, &facts::gather(session)?)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let (dry_run, skip) = (resolved.dry_run, resolved.config.skip_phases.clone());
    session.hold_host("reset", dry_run)?;
    let (leaving, config) = leaving(args, resolved.config, session)?;
    if !leaving.accept_quorum_loss
        && let Err(failure) = quorum::require(&probe_context(session))
        && (!leaving.force || LeaveError::is_of_living_etcd(&failure))
    {
        return Err(LeaveError::of_lost_quorum(failure));
    }
    let undo_fix = args.undo_fix || phase.as_deref() == Some(UNDO);
    let whole = phase.is_none();
    if whole && !wants_anything(&leaving, &config, undo_fix, session)? {
        return nothing_to_do(leaving, config, dry_run, session);
    }
    if whole && !dry_run && !leaving.force && !args.yes {
        confirm(&question(&leaving, &config.0, undo_fix, session), session)?;
    }
    let is_alone = leaving.end_cluster;
    let cx = session.context(dry_run).configured(config.0, config.1);
    let mut cx = Run { cx, work: leaving };
    // Only a control plane takes something away from others when it leaves.
    let _turn = if is_alone { None } else { turn::hold(&cx, Path::new(ADMIN_CONF), "reset")? };
    let mut skip = skip;
    if !undo_fix {
        skip.push(UNDO.into());
    }
    let choice = Choice { only: phase, skip };
    let plan = Plan::new(&phases::reset_workflow()?, &choice, &mut cx)?;
    let summary = match plan.run(&mut cx) {
        Err(failure) if !cx.work.accept_quorum_loss => {
            return Err(LeaveError::of_lost_quorum(quorum::cause_of(failure, &probe_context(session))));
        }
        done => done?,
    };
    let access = reset::access_left(&cx).filter(|_| !dry_run);
    // What the journal knows is what the next run removes.
    if whole && access.is_none() {
        reset::forget_cluster(&cx)?;
    }
    let left = if whole { leftovers::list(&mut cx)? } else { Vec::new() };
    report(&summary, dry_run, &left, &cx, session)?;
    access.map_or(Ok(ExitCode::Ok), |error| Err(error.into()))
}

/// The configuration of the cluster and of this host, as far as this host has it.
type Known = (ClusterConfig, NodeConfig);

/// What is known about the node before the cluster is contacted.
fn leaving(args: &ResetArgs, config: ResetConfig, session: &Session) -> Result<(Reset, Known)> {
    let cx = probe_context(session);
    let (mut cluster, mut node) = current_config::from_host(&cx)?;
    if let Some(dir) = &config.certificates_dir {
        cluster.certificates_dir.clone_from(dir);
    }
    node.cri_socket.clone_from(&config.cri_socket);
    node.timeouts = config.timeouts.clone();
    let there = |path: &&str| cx.host.files.exists(Path::new(path));
    let own = [ADMIN_CONF, SUPER_ADMIN_CONF, KUBELET_CONF].iter().find(|path| there(path)).map(PathBuf::from);
    let kubeconfig = args.kubeconfig.as_ref().map(|path| session.env.cwd.join(path)).or(own);
    let drain_limit = Duration::from_secs(u64::try_from(args.drain_timeout).unwrap_or_default());
    let leaving = Leaving {
        force: config.force,
        accept_quorum_loss: args.accept_quorum_loss,
        end_cluster: args.end_cluster,
        keep_backups: args.keep_backups,
        ..Leaving::new(node.name.clone(), config, kubeconfig, drain_limit)
    };
    Ok((leaving, (cluster, node)))
}

/// A context that changes and prints nothing, for probing.
fn probe_context(session: &Session) -> Context {
    let gate = Gate::recording();
    Context::new(&session.env, Events::silent(), HostFiles::new(session.root(), gate.clone()), gate)
}

/// False if the host is already in its final state. What cannot be checked here is reported by the phases.
fn wants_anything(leaving: &Reset, config: &Known, undo_fix: bool, session: &Session) -> Result<bool> {
    let (cluster, node) = config.clone();
    let mut cx = Run { cx: probe_context(session).configured(cluster, node), work: leaving.clone() };
    match reset::changes_wanted(&mut cx, undo_fix) {
        Ok(number) => Ok(number > 0),
        Err(failure) if failure.exit_code() == ExitCode::Internal => Err(failure),
        Err(_) => Ok(true),
    }
}

fn nothing_to_do(work: Reset, (cluster, node): Known, dry_run: bool, session: &mut Session) -> Result<ExitCode> {
    let mut cx = Run { cx: probe_context(session).configured(cluster, node), work };
    // Collects what is kept along the way.
    reset::changes_wanted(&mut cx, false)?;
    if let Some(error) = reset::access_left(&cx).filter(|_| !dry_run) {
        return Err(error.into());
    }
    let left = leftovers::list(&mut cx)?;
    let text = format!("Nothing to do: this host is not part of a cluster.\n{}", left_text(&left));
    let outcome =
        Outcome { summary: &Summary::default(), dry_run: false, changed: ChangeList::new(Vec::new()), left: &left };
    session.print(&outcome, &text)?;
    Ok(ExitCode::Ok)
}

fn question(leaving: &Reset, cluster: &ClusterConfig, undo_fix: bool, session: &Session) -> String {
    let cx = probe_context(session);
    let has = |path: &str| cx.host.files.exists(Path::new(path));
    let is_control_plane = has("/etc/kubernetes/manifests/kube-apiserver.yaml");
    let role = if is_control_plane { "a control plane" } else { "a worker" };
    let mut text = format!("This host ({}, {role}) will be removed from its cluster. This deletes:\n", leaving.name);
    text += "  - its Pods, their logs and the content of their emptyDir volumes\n";
    if is_control_plane {
        text += &format!("  - the certificates and keys in {}\n", cluster.certificates_dir.display());
    }
    if !leaving.keep_backups && has(BACKUP_DIR) {
        text += &format!("  - the backups of certificates and keys in {BACKUP_DIR}\n");
    }
    if has("/etc/kubernetes/manifests/etcd.yaml") {
        text += "  - its etcd member and its data\n";
    }
    text += "  - the kubelet's configuration, and the cluster's network interfaces and packet filter rules\n";
    if undo_fix {
        text += "  - the changes made by --fix\n";
    }
    text + "Volumes, mounts and files that were not created by cluster tools are kept."
}

/// The result of `reset` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    dry_run: bool,
    changed: ChangeList,
    left: &'a [Leftover],
}

fn report(summary: &Summary, dry_run: bool, left: &[Leftover], cx: &Context, session: &mut Session) -> Result<()> {
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run {
        session.plan(&changed)
    } else {
        let done = Closing::new(format!("Done: {}.", count(summary.changes, "change")));
        done.skipped(summary).text() + &left_text(left)
    };
    session.print(&Outcome { summary, dry_run, changed, left }, &text)
}
