//! `doctor`: what is wrong with this host and its cluster, why, and what to do; `doctor report` writes an archive for others.
//!
//! Reads: what `status` and the checks of preflight read, files and logs of this host. Writes: with `--fix` what can be fixed
//! while Pods run; the archive.

mod archive;
mod contents;
mod examine;

use super::args::status::{DoctorArgs, DoctorCommand};
use super::session::Session;
use super::status;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::checks::fix::Fixed;
use crate::report::{self, ChangeList, count};
use crate::state::doctor::{Findings, Severity};
use examine::{Examined, Fixing, examine};
use serde::Serialize;

pub fn run(args: &DoctorArgs, session: &mut Session) -> Result<ExitCode> {
    if let Some(DoctorCommand::Report(args)) = &args.command {
        return archive::run(args, session);
    }
    if args.fix {
        session.hold_host("doctor --fix", args.dry_run)?;
    }
    let Examined { findings, fixed, changed, .. } = examine(args.kubeconfig.as_deref(), fixing(args), session)?;
    let text = text(&findings, &fixed, &changed, args, session);
    let code = code(&findings);
    session.print(&Outcome { findings, fixed, dry_run: args.dry_run, changed }, &text)?;
    Ok(code)
}

/// The result of `doctor` for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(flatten)]
    findings: Findings,
    fixed: Vec<Fixed>,
    dry_run: bool,
    changed: ChangeList,
}

fn text(findings: &Findings, fixed: &[Fixed], changed: &ChangeList, args: &DoctorArgs, session: &Session) -> String {
    let mut text = String::new();
    if args.dry_run {
        text += &session.plan(changed);
        text += "\n";
    } else if !fixed.is_empty() {
        text += &format!(
            "Fixed with {}; 'kubewright preflight --undo-fix' reverts it.\n\n",
            count(changed.len(), "change")
        );
    }
    text + &report::doctor::text(findings, status::width(session), session.paint())
}

fn code(findings: &Findings) -> ExitCode {
    match findings.findings.first().map(|finding| finding.severity) {
        Some(Severity::Error) => ExitCode::Unhealthy,
        Some(Severity::Warning) => ExitCode::Warning,
        Some(Severity::Note) | None => ExitCode::Ok,
    }
}

fn fixing(args: &DoctorArgs) -> Fixing {
    match (args.fix, args.dry_run) {
        (false, _) => Fixing::No,
        (true, true) => Fixing::Plan,
        (true, false) => Fixing::Apply,
    }
}
