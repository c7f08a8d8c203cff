//! `join` and `join phase …`.

use super::args::join::JoinArgs;
use super::facts;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Result};
use crate::base::secret::Secret;
use crate::config::model::JoinConfig;
use crate::config::{Facts, JoinFlags};
use crate::context::{Context, Joining, Run};
use crate::domain::paths::ADMIN_CONF;
use crate::phases;
use crate::phases::join::discovery;
use crate::phases::join::error::JoinError;
use crate::pipeline::Plan;
use crate::pipeline::plan::Choice;
use crate::pipeline::run::Summary;
use crate::report::{ChangeList, Closing};
use crate::state::quorum;
use serde::Serialize;

/// Runs the whole workflow, or the selected phase.
pub fn run(args: JoinArgs, phase: Option<String>, session: &mut Session) -> Result<ExitCode> {
    let documents = session.documents(args.config.as_deref())?;
    let facts = facts::gather(session)?;
    let fix = args.fix;
    let resolved = documents.join(&flags(args, phase.is_some(), session)?, &facts)?;
    for warning in &resolved.warnings {
        session.events.warning(warning.to_string());
    }
    let skip = resolved.config.node.skip_phases.clone();
    session.hold_host("join", resolved.dry_run)?;
    let mut cx = session.context(resolved.dry_run);
    let work = find_cluster(&mut cx, resolved.config, fix, &facts)?;
    let mut cx = Run { cx, work };
    session.shows(&cx);
    if let Some(page) = &session.page {
        page.cluster(&cx.work.found.server);
    }
    let whole = phase.is_none();
    let plan = Plan::new(&phases::join_workflow()?, &Choice { only: phase, skip }, &mut cx)?;
    let outcome = plan.run(&mut cx).map_err(|failure| caused_by_lost_quorum(failure, &cx));
    if outcome.is_err() && cx.host.gate.count() > 0 && !resolved.dry_run {
        cx.events.message("changes made so far are kept; run the same command again to continue");
    }
    let summary = outcome?;
    report(&summary, whole, resolved.dry_run, &cx, session)?;
    Ok(ExitCode::Ok)
}

/// The failure, or the loss of etcd's majority that is behind it once this host has a member. What the join itself has found out
/// says more.
fn caused_by_lost_quorum(failure: Failure, cx: &Run<Joining>) -> Failure {
    if cx.work.control_plane.is_none() || failure.downcast_ref::<JoinError>().is_some() {
        return failure;
    }
    quorum::cause_of(failure, cx)
}

/// Discovery, which runs before the phases, reported like one of them.
fn find_cluster(cx: &mut Context, config: JoinConfig, fix: bool, facts: &Facts) -> Result<Joining> {
    const PLACE: &str = "discovery";
    let start = cx.host.clock.monotonic();
    cx.events.phase_started(PLACE);
    let found = discovery::find_cluster(cx, config, fix, facts).map_err(|failure: Failure| failure.within(PLACE))?;
    cx.events.phase_done(0, cx.host.clock.monotonic().saturating_sub(start));
    Ok(found)
}

/// The result of `join` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    dry_run: bool,
    changed: ChangeList,
}

fn report(summary: &Summary, whole: bool, dry_run: bool, cx: &Run<Joining>, session: &mut Session) -> Result<()> {
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run { session.plan(&changed) } else { closing_text(summary, whole, cx)? };
    session.print(&Outcome { summary, dry_run, changed }, &text)
}

fn closing_text(summary: &Summary, whole: bool, cx: &Run<Joining>) -> Result<String> {
    let mut closing = Closing::of_run(summary);
    if whole && summary.left_for_host.is_empty() {
        let (role, where_) = match cx.work.control_plane.as_ref() {
            Some(_) => ("a control plane", "On this host"),
            None => ("a worker", "On a control plane"),
        };
        let (name, server) = (&cx.node()?.name, &cx.work.found.server);
        closing = closing
            .paragraph(format!("Node {name} is {role} of the cluster at {server}."))
            .step(format!("{where_}, list the nodes"), format!("kubectl --kubeconfig {ADMIN_CONF} get nodes"));
    }
    Ok(closing.text())
}

/// The flags as typed, and the file and the variables that can hold a secret instead.
fn flags(args: JoinArgs, is_phase: bool, session: &mut Session) -> Result<JoinFlags> {
    // With a file only its values count; a variable that happens to be set does not conflict with it.
    let variable = |session: &Session, name: &str| match args.config {
        None => session.env.vars.get(name).cloned().map(Secret::new),
        Some(_) => None,
    };
    let mut flags = args.flags;
    if let Some(path) = &args.token_file {
        let (_, bytes) = session.read_input(path)?;
        flags.token = Some(Secret::new(String::from_utf8_lossy(&bytes).trim().to_owned()));
    }
    flags.token = flags.token.or_else(|| variable(session, "KUBEWRIGHT_TOKEN"));
    flags.certificate_key = flags.certificate_key.or_else(|| variable(session, "KUBEWRIGHT_CERTIFICATE_KEY"));
    if is_phase && flags.endpoints.is_empty() && flags.discovery_file.is_none() && args.config.is_none() {
        // A control plane prepared by an earlier run already has its cluster's address.
        let admin = session.root().join(ADMIN_CONF.trim_start_matches('/'));
        flags.discovery_file = admin.exists().then(|| ADMIN_CONF.to_owned());
    }
    Ok(flags)
}
