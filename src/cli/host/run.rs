//! `host run` and `host attach`: starts a command that outlives the connection, and prints the events of a run.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::cli::args::host::{AttachArgs, RunArgs};
use crate::cli::session::Session;
use crate::host::{detached, runs};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long a process may take until its first event.
const BEGIN: Duration = Duration::from_secs(10);
/// How often that is checked.
const PAUSE: Duration = Duration::from_millis(10);

/// What to run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub arguments: Vec<String>,
    #[serde(default)]
    pub input: String,
    /// Files for the command's working directory, by their names.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

impl Order {
    /// The command without its options: the first word, or two where there are subcommands.
    pub fn command(&self) -> String {
        let words = match self.arguments.first().map(String::as_str) {
            Some("host" | "certs" | "upgrade") => 2,
            _ => 1,
        };
        self.arguments.iter().take(words).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Commands that may be run detached.
const COMMANDS: [&str; 9] =
    ["init", "join", "reset", "node", "host change", "certs add-san", "certs renew", "upgrade apply", "upgrade node"];

/// A run that cannot be started or followed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("standard input is not the description of a command: {why}")]
    NotAnOrder { why: String },
    #[error("the command {command:?} cannot be run this way")]
    OtherCommand { command: String },
    #[error("no run was started on this host from another machine")]
    NoRun,
    #[error("the process of run {id} did not begin")]
    NotBegun { id: String },
    #[error("the process of run {id} is gone and has not said how it ended")]
    Lost { id: String },
}

impl Fault for RunError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotAnOrder { .. } | Self::OtherCommand { .. } | Self::NoRun => ExitCode::Usage,
            Self::NotBegun { .. } | Self::Lost { .. } => ExitCode::Host,
        }
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAnOrder { .. } => "run 'kubewright host run --help' to see its format".into(),
            Self::OtherCommand { .. } => format!("use one of {}, or run it directly", COMMANDS.join(", ")),
            Self::NoRun => "run 'kubewright host run' first".into(),
            Self::NotBegun { .. } => {
                "check memory and disk: run 'free -m' and 'df -h /var/lib'; then run it again".into()
            }
            Self::Lost { .. } => {
                "check whether the host was restarted or ran out of memory: run 'uptime' and 'journalctl -k \
                                  -n 50'; the same command, run again, continues where it stopped"
                    .into()
            }
        })
    }
}

/// What to run, from standard input.
pub(super) fn order(bytes: &[u8]) -> Result<Order, RunError> {
    // An error of the parser may repeat a part of the text, which may be a secret.
    let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let order: Order = serde_json::from_slice(bytes).map_err(|error| RunError::NotAnOrder { why: place(error) })?;
    let command = order.command();
    if let Some(name) = order.files.keys().find(|name| !is_file_name(name)) {
        return Err(RunError::NotAnOrder { why: format!("{name:?} is not the name of a file") });
    }
    if COMMANDS.contains(&command.as_str()) { Ok(order) } else { Err(RunError::OtherCommand { command }) }
}

/// True for a name that stays in its directory.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

pub fn run(args: &RunArgs, session: &mut Session) -> Result<ExitCode> {
    let (_, bytes) = session.read_input(Path::new("-"))?;
    order(&bytes)?;
    let files = HostFiles::new(session.root(), Gate::open());
    if runs::create(&files, &args.id)? {
        start(&args.id, &bytes, &files, session)?;
    }
    follow(&args.id, 0, &files, session)
}

pub fn attach(args: &AttachArgs, session: &mut Session) -> Result<ExitCode> {
    let files = HostFiles::new(session.root(), Gate::open());
    let id = match &args.id {
        Some(id) => id.clone(),
        None => runs::last(&files)?.ok_or(RunError::NoRun)?.id,
    };
    follow(&id, args.from, &files, session)
}

/// Starts the process, in a scope of systemd if that works.
fn start(id: &str, order: &[u8], files: &HostFiles, session: &Session) -> Result<()> {
    let cx = session.context(false);
    let mut arguments: Vec<String> = ["host", "work", "--id", id].map(str::to_owned).into();
    if !files.is_live() {
        arguments.extend(["--rootfs".to_owned(), session.root().display().to_string()]);
    }
    for scoped in [true, false] {
        let Some(mut started) = detached::start(&cx.host, &session.env.program, &arguments, order, scoped)? else {
            continue;
        };
        let begin = cx.host.clock.monotonic();
        while cx.host.clock.monotonic().saturating_sub(begin) < BEGIN && !started.has_failed() {
            if runs::has_begun(files, id) {
                return Ok(());
            }
            cx.host.clock.sleep(PAUSE);
        }
        if runs::has_begun(files, id) {
            return Ok(());
        }
    }
    Err(RunError::NotBegun { id: id.into() }.into())
}

/// Prints the events of a run until it ends, and returns its exit code.
fn follow(id: &str, from: u64, files: &HostFiles, session: &mut Session) -> Result<ExitCode> {
    session.events.flush();
    let (clock, out) = (session.env.clock.clone(), &mut session.env.stdout);
    let ending = runs::follow(files, id, from, &clock, &mut |line| {
        // The connection may be gone; the run goes on without a follower.
        writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
    })?;
    match ending {
        Some(runs::Ending::Done(code)) => {
            Ok(ExitCode::ALL.into_iter().find(|known| *known as i32 == code).unwrap_or(ExitCode::Internal))
        }
        Some(runs::Ending::Lost) => Err(RunError::Lost { id: id.into() }.into()),
        None => Ok(ExitCode::Ok),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_known_command_and_an_error_does_not_repeat_it() {
        assert!(order(br#"{"arguments": ["join", "--config", "-"], "input": "x"}"#).is_ok());
        let change = order(br#"{"arguments": ["host", "change", "--config", "-"], "input": "x"}"#).unwrap();
        assert_eq!(change.command(), "host change");
        let renewal = order(br#"{"arguments": ["certs", "renew", "all", "--within", "30d"]}"#).unwrap();
        assert_eq!(renewal.command(), "certs renew");
        for (name, is_one) in [("pod-network.yaml", true), ("../x", false), (".x", false), ("a/b", false), ("", false)]
        {
            let text = serde_json::json!({ "arguments": ["init"], "files": { name: "x" } }).to_string();
            assert_eq!(order(text.as_bytes()).is_ok(), is_one, "{name}");
        }
        for text in [
            r#"{"arguments": ["token", "list"]}"#,
            r#"{"arguments": ["certs", "rotate-ca", "finish"]}"#,
            r#"{"arguments": ["host", "admin-conf"]}"#,
            r#"{"arguments": []}"#,
            r#"{"token": "abcdef.0123456789abcdef"}"#,
            "x",
        ] {
            let error = order(text.as_bytes()).err().unwrap();
            assert!(!error.to_string().contains("0123456789abcdef"), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Usage);
        }
    }
}
