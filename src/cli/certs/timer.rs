//! `certs timer install|remove|status`.

use crate::actions::timer;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::cli::args::certs::TimerCommand;
use crate::cli::plan_text;
use crate::cli::session::Session;
use crate::context::Task;
use serde_json::json;

/// Runs a command of `certs timer`.
pub fn run(command: &TimerCommand, session: &mut Session) -> Result<ExitCode> {
    let dry_run = match command {
        TimerCommand::Install(args) => args.dry_run,
        TimerCommand::Remove(args) => args.dry_run,
        TimerCommand::Status(_) => false,
    };
    let cx = session.context(Task::None, dry_run);
    let text = match command {
        TimerCommand::Install(args) => {
            timer::install(&cx, &args.program, &args.within, &args.schedule, &args.random_delay)?;
            format!(
                "Looks at the certificates {}, up to {} later, and renews them when one ends within {}.\n",
                args.schedule, args.random_delay, args.within
            )
        }
        TimerCommand::Remove(_) if timer::remove(&cx)? => {
            "The timer is gone; certificates are renewed when you ask for it.\n".to_owned()
        }
        TimerCommand::Remove(_) => "There was no timer.\n".to_owned(),
        TimerCommand::Status(_) => {
            let state = timer::status(&cx)?;
            let text = match &state {
                None => "There is no timer. To have one: kubewright certs timer install\n".to_owned(),
                Some(state) => format!("The timer is {}.\n", state.word),
            };
            session.print(&json!({ "installed": state.is_some(), "state": state }), &text)?;
            return Ok(ExitCode::Ok);
        }
    };
    let changed = cx.gate.entries();
    let text = if dry_run { plan_text::text(&changed) } else { text };
    session.print(&json!({ "dryRun": dry_run, "changed": changed }), &text)?;
    Ok(ExitCode::Ok)
}
