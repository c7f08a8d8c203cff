//! Why commands cannot be run as root.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// Root cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum SudoError {
    /// doas refused.
    #[error("doas does not let {user} run commands as root without a password: {printed}")]
    Doas { user: String, printed: String },
    /// No program for it is installed.
    #[error("{user} is not root, and neither sudo nor doas is installed")]
    Missing { user: String },
    /// sudo asks for a password, and there is none.
    #[error("sudo asks for the password of {user}")]
    NeedsPassword { user: String },
    /// The user is not in sudoers.
    #[error("{user} is not allowed to run commands as root: {printed}")]
    NotAllowed { user: String, printed: String },
    /// A command was to be run as root before a way was looked for. A bug.
    #[error("no way to become root was looked for")]
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
