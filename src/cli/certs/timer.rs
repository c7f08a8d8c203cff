//! `certs timer install|remove|status`.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::certs::TimerCommand;
use crate::cli::session::Session;
use crate::ops::timer::{self, Schedule};
use crate::report::{ChangeList, Closing};
use crate::state::timer::Status;
use crate::state::timer::status as state_of;
use serde_json::json;

/// Where packages install this program.
const PROGRAM: &str = "/usr/bin/kubewright";

fn text(status: &Status) -> String {
    let mut closing = Closing::new(format!("The timer is {}.", status.state.word));
    if let Some(next) = &status.next_run {
        closing = closing.sentence(format!("Next run: {next}."));
    }
    closing = closing.sentence(match (&status.last_run, &status.last_result) {
        (Some(at), Some(result)) => format!("Last run: {at}: {result}."),
        _ => "It has not run since the host booted.".to_owned(),
    });
    match status.last_result.as_deref() {
        Some("success") | None => closing.text(),
        Some(_) => closing.step("To see why", "journalctl -u kubewright-certs-renew.service").text(),
    }
}

pub fn run(command: &TimerCommand, session: &mut Session) -> Result<ExitCode> {
    let dry_run = match command {
        TimerCommand::Install(args) => args.dry_run,
        TimerCommand::Remove(args) => args.dry_run,
        TimerCommand::Status(_) => false,
    };
    if !matches!(command, TimerCommand::Status(_)) {
        session.hold_host("certs timer", dry_run)?;
    }
    let cx = session.context(dry_run);
    let text = match command {
        TimerCommand::Install(args) => {
            let given = args.program.as_ref().map(|path| session.env.cwd.join(path));
            let own = || if cx.host.files.is_live() { session.env.program.clone() } else { PROGRAM.into() };
            timer::install(
                &cx,
                &Schedule {
                    program: &given.unwrap_or_else(own),
                    within: &args.within,
                    calendar: &args.schedule,
                    delay: &args.random_delay,
                },
            )?;
            format!(
                "Checks the certificates {}, up to {} later, and renews them when one expires within {}.\n",
                args.schedule, args.random_delay, args.within
            )
        }
        TimerCommand::Remove(_) if timer::remove(&cx)? => {
            "Removed the timer. Certificates are no longer renewed automatically.\n".to_owned()
        }
        TimerCommand::Remove(_) => "The timer is not installed.\n".to_owned(),
        TimerCommand::Status(_) => {
            let status = state_of(&cx)?;
            let text = match &status {
                None => {
                    let closing = Closing::new("The timer is not installed.");
                    closing.step("To install it", "kubewright certs timer install").text()
                }
                Some(status) => text(status),
            };
            let (installed, status) = (status.is_some(), json!(status));
            session.print(
                &json!({
                    "installed": installed,
                    "state": status["state"],
                    "nextRun": status["nextRun"],
                    "lastRun": status["lastRun"],
                    "lastResult": status["lastResult"],
                }),
                &text,
            )?;
            return Ok(ExitCode::Ok);
        }
    };
    let changed = ChangeList::new(cx.host.gate.entries());
    let text = if dry_run { session.plan(&changed) } else { text };
    session.print(&json!({ "dryRun": dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}
