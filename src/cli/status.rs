//! `status`: one screen of a cluster, from any of its hosts or from elsewhere.
//!
//! Reads: what `state::status` reads. Writes: nothing.

use super::args::global::Output;
use super::args::status::StatusArgs;
use super::screen::columns;
use super::session::Session;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Result;
use crate::context::Context;
use crate::report;
use crate::state::current_config;
use crate::state::status::{Chosen, Severity, Status, choose, look};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The time for all of it.
const LIMIT: Duration = Duration::from_millis(2500);
/// Assumed if the output is not a terminal.
const WIDTH: usize = 80;
/// Long lines are hard to read.
const WIDEST: usize = 160;
/// Moves to the first place of the screen and clears it.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub fn run(args: &StatusArgs, session: &mut Session) -> Result<ExitCode> {
    let Some(seconds) = args.watch else {
        let (status, _) = take(args.kubeconfig.as_deref(), session)?;
        if let Some(page) = &session.page {
            page.status(&status);
        }
        let text = text(&status, session);
        session.print(&status, &text)?;
        return Ok(code(status.severity));
    };
    loop {
        let (status, _) = take(args.kubeconfig.as_deref(), session)?;
        if !show(&status, session)? {
            return Ok(code(status.severity));
        }
        session.env.clock.sleep(Duration::from_secs(seconds));
    }
}

/// Shows one of several; false when no one reads them any more. JSON has a line for each.
fn show(status: &Status, session: &mut Session) -> Result<bool> {
    let out = match session.global.output {
        Output::Json => serde_json::to_string(status).unwrap_or_default() + "\n",
        Output::Yaml => format!("---\n{}", crate::base::yaml::to_string(status)?),
        Output::Text | Output::Short => {
            let clear = if session.env.stdout_is_terminal { CLEAR.to_owned() } else { String::new() };
            format!("{clear}{}\n{}\n", status.at, text(status, session))
        }
    };
    session.events.flush();
    let out = session.env.stdout.write_all(out.as_bytes()).and_then(|()| session.env.stdout.flush());
    Ok(out.is_ok())
}

/// Looks at the cluster now, with the kubeconfig that is returned too.
pub fn take(kubeconfig: Option<&Path>, session: &Session) -> Result<(Status, Chosen)> {
    let cx = Arc::new(context(session)?);
    let given = kubeconfig.map(|path| session.env.cwd.join(path)).or_else(|| of_variable(session));
    let chosen = choose(&cx, given, of_user(session));
    let view = look(&cx, &chosen, LIMIT);
    Ok((Status::of(view, cx.host.clock.now()), chosen))
}

/// This host as a node of its cluster, from its files.
fn context(session: &Session) -> Result<Context> {
    let looking = session.context(false);
    let (cluster, node) = current_config::from_readable(&looking)?;
    Ok(session.context(false).configured(cluster, node))
}

/// The first existing file of KUBECONFIG.
fn of_variable(session: &Session) -> Option<PathBuf> {
    let list =
        session.env.vars.get("KUBECONFIG").filter(|list| !list.is_empty() && session.root() == Path::new("/"))?;
    let paths = list.split(':').filter(|path| !path.is_empty()).map(|path| session.env.cwd.join(path));
    paths.into_iter().find(|path| path.is_file())
}

fn of_user(session: &Session) -> Option<PathBuf> {
    let home = session.env.vars.get("HOME").filter(|_| session.root() == Path::new("/"))?;
    Some(Path::new(home).join(".kube/config")).filter(|path| path.is_file())
}

fn text(status: &Status, session: &Session) -> String {
    report::status::text(status, width(session), session.paint())
}

/// The width of the terminal; COLUMNS has priority.
pub fn width(session: &Session) -> usize {
    let given = session.env.vars.get("COLUMNS").and_then(|text| text.parse::<usize>().ok());
    let of_terminal = || columns(rustix::stdio::stdout()).filter(|_| session.env.stdout_is_terminal);
    given.or_else(of_terminal).filter(|width| *width > 0).unwrap_or(WIDTH).clamp(20, WIDEST)
}

/// The exit code of the worst that was found.
pub fn code(severity: Severity) -> ExitCode {
    match severity {
        Severity::Ok | Severity::Note => ExitCode::Ok,
        Severity::Warning => ExitCode::Warning,
        Severity::Critical => ExitCode::Unhealthy,
    }
}

#[cfg(test)]
mod tests;
