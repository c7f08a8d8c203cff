//! Becoming root with `sudo` or `doas`: the command lines, and what their refusals mean.

use super::error::SshError;
use super::framing::Ready;
use super::host::{Host, Limits, wrapped};
use super::line;
use super::privilege::{Privilege, Way};
use super::transport::Exit;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::sanitize;
use crate::base::secret::Secret;

/// Root cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum SudoError {
    /// doas refused.
    #[error("doas does not let {user} run commands as root without a password: {printed}")]
    Doas { user: String, printed: String },
    /// There is no program for it.
    #[error("{user} is not root, and neither sudo nor doas is installed")]
    Missing { user: String },
    /// sudo asks for a password, and there is none.
    #[error("sudo asks for the password of {user}")]
    NeedsPassword { user: String },
    /// The user is not in sudoers.
    #[error("{user} is not allowed to run commands as root: {printed}")]
    NotAllowed { user: String, printed: String },
    /// A command was to be run as root before a way was looked for. A bug.
    #[error("nobody has looked for a way to become root")]
    NotLooked,
    /// The login was to be that of root.
    #[error("{user} is not root, and sudo is not to be used")]
    NotRoot { user: String },
    /// Something else.
    #[error("sudo failed: {printed}")]
    Other { printed: String },
    /// sudo wants a terminal.
    #[error("sudo lets {user} run commands only on a terminal (requiretty)")]
    Terminal { user: String },
    /// The password was wrong.
    #[error("sudo does not accept the password of {user}; it is not tried again")]
    WrongPassword { user: String },
}

impl Fault for SudoError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotLooked => ExitCode::Internal,
            Self::NeedsPassword { .. } | Self::WrongPassword { .. } => ExitCode::Input,
            _ => ExitCode::Host,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Doas { user, .. } => {
                format!("add 'permit nopass {user} as root' to /etc/doas.conf, or connect as root")
            }
            Self::Missing { .. } => "connect as root, or install sudo".into(),
            Self::NeedsPassword { .. } => {
                "give the password with --sudo-password-file, or connect as a user that needs none".into()
            }
            Self::NotAllowed { user, .. } => {
                format!("allow it with '{user} ALL=(ALL) ALL' in a file of /etc/sudoers.d, or connect as another user")
            }
            Self::NotRoot { .. } => "connect as root, or allow sudo".into(),
            Self::Other { .. } => "run 'sudo -n true' there as that user to see what it says".into(),
            Self::Terminal { user } => {
                format!("add 'Defaults:{user} !requiretty' to a file of /etc/sudoers.d, with 'visudo -f'")
            }
            Self::WrongPassword { .. } => "check the password; several hosts may have different ones".into(),
            Self::NotLooked => return None,
        })
    }
}

/// The line for the login shell that runs `script` in this way; None is as the user.
pub(super) fn line(way: Option<Way>, ready: &Ready, script: &str, arguments: &[&str]) -> Result<String, SshError> {
    let script = wrapped(script, ready);
    // In `/bin/sh -c SCRIPT NAME ARGUMENT…` the first word after the script is `$0`.
    let outer = match way {
        None | Some(Way::Login) => {
            return line::sh(&script, &[&["sh"], arguments].concat());
        }
        Some(Way::Sudo) => "exec sudo -n -- /bin/sh -c \"$0\" sh \"$@\"".to_owned(),
        // -k: a remembered password would be used instead of this one, and might be another user's.
        Some(Way::SudoPassword) => {
            format!("exec sudo -k -S -p {} -- /bin/sh -c \"$0\" sh \"$@\"", ready.prompt_word())
        }
        Some(Way::Doas) => "exec doas -n /bin/sh -c \"$0\" sh \"$@\"".to_owned(),
    };
    line::sh(&format!("{}; {outer}", line::PATH), &[&[script.as_str()], arguments].concat())
}

/// Finds a way to root.
pub(super) fn find(
    host: &mut Host,
    privilege: Privilege,
    password: &mut dyn FnMut() -> Option<Secret<String>>,
) -> Result<(Way, Option<Secret<String>>), SshError> {
    let user = host.target().user.clone();
    if matches!(privilege, Privilege::Auto | Privilege::Login) {
        if becomes_root(host, None, None)? {
            return Ok((Way::Login, None));
        }
        if privilege == Privilege::Login {
            return Err(SudoError::NotRoot { user }.into());
        }
    }
    if privilege != Privilege::Doas {
        match becomes_root(host, Some(Way::Sudo), None) {
            Ok(true) => return Ok((Way::Sudo, None)),
            Ok(false) => return Err(SudoError::Other { printed: "the command did not run as root".into() }.into()),
            Err(SshError::Sudo(SudoError::NeedsPassword { user })) => {
                let Some(password) = password() else { return Err(SudoError::NeedsPassword { user }.into()) };
                becomes_root(host, Some(Way::SudoPassword), Some(password.clone()))?;
                return Ok((Way::SudoPassword, Some(password)));
            }
            Err(SshError::Sudo(SudoError::Missing { .. })) if privilege == Privilege::Auto => {}
            Err(error) => return Err(error),
        }
    }
    becomes_root(host, Some(Way::Doas), None)?;
    Ok((Way::Doas, None))
}

/// True if commands are root's in this way.
fn becomes_root(host: &mut Host, way: Option<Way>, password: Option<Secret<String>>) -> Result<bool, SshError> {
    let root = way.map(|way| (way, password));
    let limits = Limits { output: 4096, ..Limits::default() };
    let captured = super::capture::of(|sink| host.frame(root, "id -u", &[], &[], sink, limits))?;
    Ok(captured.text().trim() == "0")
}

/// What it means that the program did not run the command. The messages are those of sudo and sudo-rs in the C locale.
pub(super) fn refusal(way: Way, user: &str, exit: &Exit, stderr: &str, gave_up: bool) -> SudoError {
    let user = user.to_owned();
    let says = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    let last: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let printed = match (last.last(), gave_up) {
        (_, true) => "it did not answer within 30 seconds".to_owned(),
        (Some(line), _) => sanitize::line(line),
        (None, _) => format!("it ended with {exit:?}"),
    };
    if says(&["must have a tty", "no tty present"]) {
        SudoError::Terminal { user }
    } else if *exit == Exit::Code(127) {
        SudoError::Missing { user }
    } else if way == Way::Doas {
        SudoError::Doas { user, printed }
    } else if says(&["not in the sudoers", "may not run sudo", "is not allowed to", "I'm sorry"]) {
        SudoError::NotAllowed { user, printed }
    } else if says(&["incorrect password", "Sorry, try again", "Authentication failed", "Authentication failure"]) {
        SudoError::WrongPassword { user }
    } else if says(&["password is required", "authentication is required", "password required"]) {
        SudoError::NeedsPassword { user }
    } else {
        SudoError::Other { printed }
    }
}
