//! Errors of connections to other hosts.

mod sudo;
mod upload;

pub use sudo::SudoError;
pub use upload::UploadError;

use super::config::ConfigError;
use super::key_file::KeyError;
use super::known_hosts::KnownHostsError;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A host cannot be connected to, is not the right one, or does not do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The agent does not answer.
    #[error("the SSH agent at {} cannot be used: {why}", socket.display())]
    Agent { socket: PathBuf, why: String },
    /// The host's key is not the known one.
    #[error(
        "THE HOST KEY OF {name} HAS CHANGED: it is {found}, but {known} is known ({}:{line}); nothing was sent",
        file.display()
    )]
    ChangedHostKey { name: String, found: String, known: String, file: PathBuf, line: usize },
    /// The connection ended before the server said anything.
    #[error("{host} closed the connection before the SSH handshake was done: {why}")]
    ClosedEarly { host: String, why: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No address of the host accepts a connection.
    #[error("cannot connect to {host}: {why}")]
    Connect { host: String, why: String },
    /// The host key is not the one that the file of the cluster names.
    #[error("the host key of {name} is {found}, but {pinned} is pinned; nothing was sent")]
    PinMismatch { name: String, found: String, pinned: String },
    /// The jump host itself cannot be used; the same for all hosts behind it.
    #[error("the jump host {jump} cannot be used: {cause}")]
    Jump { jump: String, cause: Arc<SshError> },
    /// The jump host does not connect to the host.
    #[error("the jump host {jump} does not connect to {host}: {why}")]
    Forwarding { jump: String, host: String, why: String, forbidden: bool },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    KnownHosts(#[from] KnownHostsError),
    /// The login was refused.
    #[error("{host} refused the login of {user}: {offered}; it accepts {accepts}")]
    LoginRefused { host: String, user: String, offered: String, accepts: String },
    /// The connection is dead.
    #[error("the connection to {host} was lost: {why}")]
    Lost { host: String, why: String },
    /// The login shell printed more before the command than is read.
    #[error("the login shell of {user} printed more than {limit} bytes before the command ran")]
    Noise { user: String, limit: usize },
    /// The command did not run: the account has no shell, or a forced command.
    #[error("{user} cannot run commands: instead of the command, {instead}")]
    NoShell { user: String, instead: String },
    /// A key is not enough.
    #[error("{host} accepts a key of {user}, and also wants {wants}, which is not supported")]
    MoreThanKey { host: String, user: String, wants: String },
    /// Nothing to log in with.
    #[error("no key to log in to {host} with was found: {looked}")]
    NoKeys { host: String, looked: String },
    /// The command printed more than allowed.
    #[error("the command printed more than {limit} bytes")]
    Output { limit: u64 },
    /// The name cannot be resolved.
    #[error("cannot resolve the name {name}: {why}")]
    Resolve { name: String, why: String },
    /// The host key is marked as revoked.
    #[error("the host key of {name}, {found}, is revoked ({}:{line}); nothing was sent", file.display())]
    RevokedHostKey { name: String, found: String, file: PathBuf, line: usize },
    /// libssh2 failed.
    #[error("{what} failed: {why}")]
    Protocol { what: &'static str, why: String },
    #[error(transparent)]
    Sudo(#[from] SudoError),
    /// The `ssh` of this machine failed.
    #[error("'ssh' could not run the command: {printed}")]
    System { printed: String },
    /// It took too long.
    #[error("{what} took longer than {limit:?}")]
    TimedOut { what: String, limit: Duration },
    /// The host key has not been verified.
    #[error("the host key of {name} is unknown: {found}{note}; nothing was sent")]
    UnknownHostKey {
        name: String,
        found: String,
        /// What else is known about it, to be shown behind its fingerprint.
        note: String,
        /// How it becomes known.
        advice: String,
    },
    /// A word that shells read differently.
    #[error("'{word}' cannot be given to every login shell, because of {character:?}")]
    Unquotable { character: char, word: String },
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl Fault for SshError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::ChangedHostKey { .. }
            | Self::PinMismatch { .. }
            | Self::RevokedHostKey { .. }
            | Self::UnknownHostKey { .. } => ExitCode::Untrusted,
            Self::Config(error) => error.exit_code(),
            Self::Jump { cause, .. } => cause.exit_code(),
            Self::Key(error) => error.exit_code(),
            Self::KnownHosts(error) => error.exit_code(),
            Self::Sudo(error) => error.exit_code(),
            Self::Upload(error) => error.exit_code(),
            Self::Noise { .. } | Self::NoShell { .. } | Self::Output { .. } => ExitCode::Host,
            Self::Agent { .. } | Self::NoKeys { .. } => ExitCode::Input,
            Self::Unquotable { .. } => ExitCode::Internal,
            _ => ExitCode::Unreachable,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::ClosedEarly { .. } | Self::Connect { .. } | Self::Lost { .. } | Self::TimedOut { .. } => true,
            Self::Forwarding { forbidden, .. } => !forbidden,
            Self::Jump { cause, .. } => cause.retryable(),
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Agent { .. } => "run 'ssh-add -l' to see what it says, or set IdentityAgent none".into(),
            Self::ChangedHostKey { name, file, .. } => format!(
                "if the host was reinstalled, compare its key on its console ('ssh-keygen -lf \
                 /etc/ssh/ssh_host_ed25519_key.pub'), then run 'ssh-keygen -R {name} -f {}'; otherwise another machine may be \
                 in between",
                file.display()
            ),
            Self::ClosedEarly { .. } => {
                "sshd closes connections when too many log in at once (MaxStartups), or after failed logins from here \
                 (PerSourcePenalties); wait a minute, then look at its log: 'journalctl -u ssh -u sshd'"
                    .into()
            }
            Self::Config(error) => return error.hint(),
            Self::Connect { .. } => "check that the host is up and that its SSH port is open from here".into(),
            Self::Forwarding { forbidden: true, jump, .. } => {
                format!(
                    "allow it in the configuration of sshd on {jump}: 'AllowTcpForwarding yes', without 'DisableForwarding'"
                )
            }
            Self::Forwarding { forbidden: false, .. } => {
                "check that the host is up and that the jump host reaches its SSH port".into()
            }
            Self::Jump { cause, .. } => return cause.hint(),
            Self::Key(error) => return error.hint(),
            Self::KnownHosts(error) => return error.hint(),
            Self::LoginRefused { accepts, host, user, .. } if !accepts.contains("publickey") => format!(
                "passwords are not sent; add your key with 'ssh-copy-id {user}@{host}', and allow 'PubkeyAuthentication' there"
            ),
            Self::LoginRefused { host, user, .. } => format!(
                "add your key with 'ssh-copy-id {user}@{host}', or name the right user or key; the refused login is not \
                 tried again"
            ),
            Self::Lost { .. } => "check the network, then run the same command again".into(),
            Self::Noise { .. } => "make its shell profile silent without a terminal".into(),
            Self::NoShell { user, .. } => format!(
                "give {user} a login shell, and remove a ForceCommand from sshd_config or 'command=' from its authorized_keys"
            ),
            Self::MoreThanKey { user, .. } => format!(
                "let {user} log in with a key alone from here ('Match' and 'AuthenticationMethods' in sshd_config), or open a \
                 shared connection with ControlMaster and use '--transport system'"
            ),
            Self::NoKeys { .. } => {
                "name a key with IdentityFile in ~/.ssh/config, or load one into an agent with 'ssh-add'".into()
            }
            Self::PinMismatch { .. } => {
                "a fingerprint is that of one key of the host, which presents another if it has several: \
                 compare with 'ssh-keygen -lf' of each file '/etc/ssh/ssh_host_*_key.pub' on its console; pin a whole \
                 public key to choose one"
                    .into()
            }
            Self::Resolve { name, .. } => format!("check the name: run 'getent hosts {name}'"),
            Self::RevokedHostKey { .. } => {
                "replace the keys of that host ('ssh-keygen -A' after removing them on its console)".into()
            }
            Self::System { .. } => "run the same 'ssh' by hand to see what it asks for".into(),
            Self::UnknownHostKey { advice, .. } => advice.clone(),
            Self::Sudo(error) => return error.hint(),
            Self::Upload(error) => return error.hint(),
            Self::TimedOut { .. } => {
                "check that the host is up and not overloaded, then run the same command again".into()
            }
            Self::Protocol { .. } | Self::Output { .. } | Self::Unquotable { .. } => return None,
        })
    }
}
