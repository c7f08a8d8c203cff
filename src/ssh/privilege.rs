//! How commands become root on a host.

/// The way to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Privilege {
    /// What works: already root, `sudo` without a password, `sudo` with one if there is one, `doas`.
    #[default]
    Auto,
    /// The user is root already.
    Login,
    /// `sudo`, with a password if it asks for one.
    Sudo,
    /// `doas`, without a password.
    Doas,
}

/// What was found to work on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The user is root.
    Login,
    /// `sudo -n`.
    Sudo,
    /// `sudo -S`, which asked for a password.
    SudoPassword,
    /// `doas -n`.
    Doas,
}

impl Way {
    /// For a report: `root`, `sudo`, ….
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "root",
            Self::Sudo => "sudo",
            Self::SudoPassword => "sudo with password",
            Self::Doas => "doas",
        }
    }
}
