//! Prints an error once: `error: …`, `caused by: …`, `help: …`, or the same as one JSON object.

use super::args::global::EventFormat;
use super::parse::UsageError;
use super::session::Session;
use crate::base::env::Env;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Failure;
use crate::base::masked;
use crate::base::output;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;

/// Prints help on standard output.
pub fn help(env: &mut Env, text: &str) -> ExitCode {
    match output::write(&mut env.stdout, text.as_bytes()) {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            let failure = Failure::from(error);
            // Nothing is left to report this failure to.
            let _ = env.stderr.write_all(lines(&failure, false).as_bytes());
            failure.exit_code()
        }
    }
}

/// Prints an error in the command line.
pub fn usage(env: &mut Env, error: &UsageError) -> ExitCode {
    let shown = |text: &str| masked::sentence(&masked::without(text, &error.secrets));
    let _ = writeln!(env.stderr, "error: {}\nhelp: {}", shown(&error.message), shown(&error.hint));
    ExitCode::Usage
}

/// Prints a failure and returns its exit code.
pub fn failure(session: &mut Session, failure: &Failure) -> ExitCode {
    let code = failure.exit_code();
    let shown = |text: &str| session.events.masked(text);
    let text = if session.global.events == EventFormat::Json {
        let error = json!({
            "event": "error",
            "phase": failure.places().first(),
            "error": shown(&failure.to_string()),
            "causedBy": failure.causes().iter().map(|cause| shown(cause)).collect::<Vec<_>>(),
            "help": failure.hint().map(|hint| shown(&hint)),
            "exitCode": code as u8,
            "kind": code,
        });
        format!("{error}\n")
    } else {
        shown(&lines(failure, session.global.verbosity >= 5))
    };
    session.events.error(&text);
    code
}

fn lines(failure: &Failure, every_place: bool) -> String {
    let place = failure.places().first().map(|place| format!("[{place}] ")).unwrap_or_default();
    let mut text = format!("error: {place}{failure}\n");
    for cause in failure.causes() {
        let _ = writeln!(text, "caused by: {cause}");
    }
    if every_place {
        for place in failure.places() {
            let _ = writeln!(text, "in: {place}");
        }
    }
    if let Some(hint) = failure.hint() {
        let _ = writeln!(text, "help: {hint}");
    }
    text
}
