//! `certs restart`: components take up what is on the disk.

use super::looked_up;
use crate::actions;
use crate::actions::quorum;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::base::gate::{Change, Entry};
use crate::cli::args::certs::RestartArgs;
use crate::cli::plan_text;
use crate::cli::session::Session;
use crate::context::Task;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use serde_json::json;
use std::path::Path;

/// Runs the command.
pub fn run(args: &RestartArgs, session: &mut Session) -> Result<ExitCode> {
    session.hold_host("certs restart", args.dry_run)?;
    quorum::require(&session.context(Task::None, false))?;
    let changed = take_up(&args.kubeconfig, args.dry_run, session)?;
    let text = if changed.is_empty() {
        "Every component uses what is on the disk; nothing was restarted.\n".to_owned()
    } else {
        text(&changed, args.dry_run)
    };
    session.print(&json!({ "dryRun": args.dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}

/// What a run leaves out that leaves the restart to others.
pub fn phases_to_skip(no_restart: bool) -> Vec<String> {
    if no_restart { vec!["check".into(), "restart".into()] } else { Vec::new() }
}

/// Restarts what has not read the files on the disk; what was changed by that.
///
/// # Errors
/// When a component does not come up.
pub fn take_up(kubeconfig: &Path, dry_run: bool, session: &mut Session) -> Result<Vec<Entry>> {
    let (_, task) = looked_up::task(session, None, kubeconfig, None)?;
    let mut cx = session.context(Task::Renew(Box::new(task)), dry_run);
    let choice = Choice { only: Some("restart".into()), skip: Vec::new() };
    let plan = Plan::new(&actions::renew_workflow()?, &actions::registry(), &choice, &mut cx)?;
    plan.run(&mut cx)?;
    Ok(cx.gate.entries())
}

/// What was restarted, for people.
pub fn text(changed: &[Entry], dry_run: bool) -> String {
    if dry_run {
        return plan_text::text(changed);
    }
    let stopped = changed.iter().filter_map(|entry| match &entry.change {
        Change::Request { verb, object, .. } if verb == "remove" => object.strip_prefix("container "),
        Change::Run { command, .. } if command.last().is_some_and(|word| word == "kubelet") => Some("the kubelet"),
        _ => None,
    });
    format!("Restarted, because they used what was there before: {}.\n", stopped.collect::<Vec<_>>().join(", "))
}
