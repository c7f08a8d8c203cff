//! Prints an error once: `error: …`, `caused by: …`, `help: …`, or the same as one JSON object.

use super::args::global::EventFormat;
use super::parse::UsageError;
use super::session::Session;
use crate::base::env::Env;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Failure;
use crate::base::masked;
use crate::base::output;
use crate::report::error_text::ErrorText;
use serde_json::json;
use std::io::Write;

/// Prints help on standard output.
pub fn help(env: &mut Env, text: &str) -> ExitCode {
    match output::write(&mut env.stdout, text.as_bytes()) {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            let failure = Failure::from(error);
            // Nothing is left to report this failure to.
            let _ = env.stderr.write_all(ErrorText::of(&failure, str::to_owned).lines(&[]).as_bytes());
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
    let text = ErrorText::of(failure, |text| session.events.masked(text));
    let text = if session.global.events == EventFormat::Json {
        let error = json!({
            "event": "error",
            "phase": text.phase,
            "error": text.error,
            "causedBy": text.caused_by,
            "help": text.help,
            "exitCode": code as u8,
            "kind": code,
        });
        format!("{error}\n")
    } else {
        text.lines(if session.global.verbosity >= 5 { failure.places() } else { &[] })
    };
    session.events.error(&text);
    code
}
