//! What can go wrong with a program or service of this host.

use super::command::{Command, Output};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::FileError;
use std::path::PathBuf;
use std::time::Duration;

/// So much of a program's error is shown; all of it is kept.
const SHOWN: usize = 300;

/// A program, service or fact of the host that is not as needed.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The command ended with another code than 0.
    #[error("'{command}' failed ({}){}", ended(output), head(&output.stderr, &output.stdout))]
    Failed {
        /// As a person would type it.
        command: String,
        /// All it printed.
        output: Output,
    },
    /// A file of the host cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The host has no default route or no address.
    #[error("cannot choose this host's address: {why}")]
    NoAddress {
        /// What was looked for.
        why: String,
    },
    /// The host has neither systemd nor `OpenRC`.
    #[error("cannot {verb} the service {service}: {why}")]
    NoInitSystem {
        /// `start`, `enable`, ….
        verb: &'static str,
        /// The service's name.
        service: String,
        /// Why no init system was recognised.
        why: String,
    },
    /// The files are below a root directory, so there is nothing to run on.
    #[error("cannot run '{command}': {} is a directory, not a running host", root.display())]
    NotLive {
        /// The root directory.
        root: PathBuf,
        /// As a person would type it.
        command: String,
    },
    /// The program is not on the search path.
    #[error("the program {program} is not installed")]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// The program could not be started.
    #[error("cannot run '{command}'")]
    NotStarted {
        /// As a person would type it.
        command: String,
        /// The operating system's word.
        #[source]
        source: std::io::Error,
    },
    /// The program took too long and was stopped.
    #[error("'{command}' did not end within {limit:?}{}", head(stderr, ""))]
    TimedOut {
        /// As a person would type it.
        command: String,
        /// The time it was given.
        limit: Duration,
        /// What it had said.
        stderr: String,
    },
    /// A program printed something else than expected.
    #[error("'{command}' printed something else than {expected}: {text:?}")]
    Unexpected {
        /// As a person would type it.
        command: String,
        /// What was expected, as a noun phrase.
        expected: &'static str,
        /// What was printed.
        text: String,
    },
}

impl HostError {
    /// The command ended badly.
    pub fn failed(command: &Command, output: Output) -> Self {
        Self::Failed { command: command.shown(), output }
    }
}

impl Fault for HostError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::NotLive { .. } => ExitCode::Usage,
            _ => ExitCode::Host,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Failed { command, .. } | Self::NotStarted { command, .. } | Self::Unexpected { command, .. } => {
                match command.split(' ').collect::<Vec<_>>()[..] {
                    ["systemctl", "start" | "restart" | "enable", .., unit] => {
                        format!("run 'systemctl status {unit}' and 'journalctl -u {unit} -n 50'")
                    }
                    _ => format!("run '{command}' by hand to see what it says"),
                }
            }
            Self::File(error) => return error.hint(),
            Self::NoAddress { .. } => {
                "run 'ip route' to see the routes; give the address with --apiserver-advertise-address or \
                 localAPIEndpoint.advertiseAddress"
                    .into()
            }
            Self::NoInitSystem { service, .. } => {
                format!("start {service} in the way of this host, and leave the phase out with --skip-phases")
            }
            Self::NotLive { .. } => "leave --rootfs out to work on this running host".into(),
            Self::NoProgram { program } => format!("install {program}, or add its directory to PATH"),
            Self::TimedOut { command, .. } => format!("run '{command}' by hand to see where it stops"),
        })
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

fn ended(output: &Output) -> String {
    output.code.map_or_else(|| "ended by a signal".into(), |code| format!("exit code {code}"))
}

/// `: ` and the first lines of what a program said; standard output where it was silent otherwise.
fn head(stderr: &str, stdout: &str) -> String {
    let text = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
    if text.is_empty() {
        return String::new();
    }
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>().join("; ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!(": {}…", line.get(..end).unwrap_or_default()),
        None => format!(": {line}"),
    }
}
