//! `certs restart`: restarts the components that do not use the certificates on disk yet.

use super::discover;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::Change;
use crate::cli::args::certs::RestartArgs;
use crate::cli::session::Session;
use crate::domain::paths::ADMIN_CONF;
use crate::ops::turn;
use crate::phases;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::report::{ChangeList, Closing};
use crate::state::quorum;
use serde_json::json;
use std::path::Path;

pub fn run(args: &RestartArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs restart", args.dry_run)?;
    quorum::require(&session.context(false))?;
    let changed = restart_stale(&args.kubeconfig, args.dry_run, session)?;
    let text = if changed.is_empty() {
        "Every component uses the certificates on disk; nothing restarted.\n".to_owned()
    } else {
        text(&changed, args.dry_run, session)
    };
    session.print(&json!({ "dryRun": args.dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}

/// The phases to skip with `--no-restart`.
pub fn phases_to_skip(no_restart: bool) -> Vec<String> {
    if no_restart { vec!["check".into(), "restart".into()] } else { Vec::new() }
}

/// Restarts the components that have not loaded the files on disk, and returns the changes.
pub fn restart_stale(kubeconfig: &Path, dry_run: bool, session: &mut Session) -> Result<ChangeList> {
    let mut cx = discover::find(session, None, kubeconfig, None)?.run((), dry_run, session);
    let _turn = turn::hold(&cx, Path::new(ADMIN_CONF), "certs restart")?;
    let choice = Choice { only: Some("restart".into()), skip: Vec::new() };
    let plan = Plan::new(&phases::renew_workflow()?, &choice, &mut cx)?;
    plan.run(&mut cx)?;
    Ok(ChangeList::new(cx.host.gate.entries()))
}

/// The restarted components as text.
pub fn text(changed: &ChangeList, dry_run: bool, session: &Session) -> String {
    if dry_run {
        return session.plan(changed);
    }
    let stopped = changed.entries().iter().filter_map(|entry| match &entry.change {
        Change::Request { verb, object, .. } if verb == "remove" => object.strip_prefix("container "),
        Change::Run { command, .. } if command.last().is_some_and(|word| word == "kubelet") => Some("the kubelet"),
        _ => None,
    });
    let stopped = stopped.collect::<Vec<_>>().join(", ");
    Closing::new(format!("Restarted, because they used older certificates: {stopped}.")).text()
}
