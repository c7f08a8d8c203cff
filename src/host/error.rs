//! Errors of programs and services on this host.

use super::command::{Command, Output};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::FileError;
use std::path::PathBuf;
use std::time::Duration;

/// The part of a program's error output that is shown; all of it is kept.
const SHOWN: usize = 300;

/// A program, service or property of the host is not as required.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The command exited with a code other than 0.
    #[error("'{command}' failed ({}){}", ended(output), head(&output.stderr, &output.stdout))]
    Failed {
        /// The command line.
        command: String,
        /// Its output.
        output: Output,
    },
    /// A file of the host cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The host has no default route or no address.
    #[error("cannot choose this host's address: {why}")]
    NoAddress {
        /// The reason.
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
    /// The files are in a root directory, where no command can run.
    #[error("cannot run '{command}': {} is a root directory, not a running host", root.display())]
    NotLive {
        /// The root directory.
        root: PathBuf,
        /// The command line.
        command: String,
    },
    /// The program is not on the search path.
    #[error("the program {program} is not installed")]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// No run of this id can be on this host.
    #[error("this host has not had a run {id:?}")]
    NoRun {
        /// The id.
        id: String,
    },
    /// The program could not be started.
    #[error("cannot run '{command}'")]
    NotStarted {
        /// The command line.
        command: String,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The program timed out and was killed.
    #[error("'{command}' timed out after {limit:?}{}", head(stderr, ""))]
    TimedOut {
        /// The command line.
        command: String,
        /// The timeout.
        limit: Duration,
        /// Its error output so far.
        stderr: String,
    },
    /// The output of a program is not as expected.
    #[error("'{command}' printed, instead of {expected}, {text:?}")]
    Unexpected {
        /// The command line.
        command: String,
        /// What was expected, as a noun phrase.
        expected: &'static str,
        /// The output.
        text: String,
    },
}

impl HostError {
    /// The command failed.
    pub fn failed(command: &Command, output: Output) -> Self {
        Self::Failed { command: command.shown(), output }
    }
}

impl Fault for HostError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::NotLive { .. } | Self::NoRun { .. } => ExitCode::Usage,
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
                    _ => format!("run '{command}' manually to see its output"),
                }
            }
            Self::File(error) => return error.hint(),
            Self::NoAddress { .. } => {
                "run 'ip route' to see the routes; give the address with --apiserver-advertise-address or \
                 localAPIEndpoint.advertiseAddress"
                    .into()
            }
            Self::NoInitSystem { service, .. } => {
                format!("start {service} with the init system of this host, and skip the phase with --skip-phases")
            }
            Self::NotLive { .. } => "omit --rootfs to work on this running host".into(),
            Self::NoRun { .. } => "run 'kubewright host facts' to see the last run".into(),
            Self::NoProgram { program } => format!("install {program}, or add its directory to PATH"),
            Self::TimedOut { command, .. } => format!("run '{command}' manually to see where it hangs"),
        })
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

fn ended(output: &Output) -> String {
    output.code.map_or_else(|| "killed by a signal".into(), |code| format!("exit code {code}"))
}

/// `: ` and the first lines of a program's error output, or of its standard output if that is empty.
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
