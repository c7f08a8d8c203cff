//! What is wrong with a file of `ssh_config`, or with a host as typed.

use super::super::target::AddressError;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::fmt;
use std::path::PathBuf;

/// A file and a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub file: PathBuf,
    pub line: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The configuration does not say how to connect.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A line has a value that cannot be used.
    #[error("{at}: {why}")]
    Line { at: At, why: String },
    /// Jump hosts lead to one another.
    #[error("the jump hosts of {host} lead in a circle: {path}")]
    Circle { host: String, path: String },
    /// The local user is unknown, and no other one is named.
    #[error("the user to log in to {host} as is unknown")]
    NoUser { host: String },
    /// Others can change the file.
    #[error("others can write to {}, and so decide where connections go", file.display())]
    Permissions { file: PathBuf },
    /// The file cannot be read.
    #[error("cannot read {}: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
    /// A keyword that decides how to connect, and that is not supported.
    #[error("{at}: {what} applies to {host}, and is not supported{why}")]
    Unsupported { at: At, what: String, host: String, why: &'static str },
}

impl Fault for ConfigError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Address(_) => ExitCode::Usage,
            _ => ExitCode::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address(_) => "write an IPv6 address with a port as '[ADDRESS]:PORT'".into(),
            Self::Line { at, .. } => format!("run 'ssh -G -F {} HOST' to see what OpenSSH reads", at.file.display()),
            Self::Circle { .. } => "set 'ProxyJump none' for the jump host itself".into(),
            Self::NoUser { .. } => "name it as USER@HOST, or with User in ~/.ssh/config".into(),
            Self::Permissions { file } => format!("run 'chmod go-w {}'", file.display()),
            Self::Unreadable { file, .. } => format!("run 'ls -l {}'", file.display()),
            Self::Unsupported { .. } => {
                "use the system's ssh for this host ('--transport system'), or override the keyword in a 'Host' block \
                 before it"
                    .into()
            }
        })
    }
}
