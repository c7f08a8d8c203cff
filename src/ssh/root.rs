//! Looks for a way to run commands as root.

use super::capture;
use super::error::{SshError, SudoError};
use super::privilege::{Privilege, Way};
use super::shell::{Limits, Shell};
use crate::base::secret::Secret;

/// Finds a way to root.
pub(super) fn find(
    shell: &mut Shell,
    privilege: Privilege,
    password: &mut dyn FnMut() -> Option<Secret<String>>,
) -> Result<(Way, Option<Secret<String>>), SshError> {
    let user = shell.user().to_owned();
    if matches!(privilege, Privilege::Auto | Privilege::Login) {
        let is_root = match shell.uid {
            Some(uid) => uid == 0,
            None => becomes_root(shell, None, None)?,
        };
        if is_root {
            return Ok((Way::Login, None));
        }
        if privilege == Privilege::Login {
            return Err(SudoError::NotRoot { user }.into());
        }
    }
    if privilege != Privilege::Doas {
        match becomes_root(shell, Some(Way::Sudo), None) {
            Ok(true) => return Ok((Way::Sudo, None)),
            Ok(false) => return Err(SudoError::Other { printed: "the command did not run as root".into() }.into()),
            Err(SshError::Sudo(SudoError::NeedsPassword { user })) => {
                let Some(password) = password() else { return Err(SudoError::NeedsPassword { user }.into()) };
                becomes_root(shell, Some(Way::SudoPassword), Some(password.clone()))?;
                return Ok((Way::SudoPassword, Some(password)));
            }
            Err(SshError::Sudo(SudoError::Missing { .. })) if privilege == Privilege::Auto => {}
            Err(error) => return Err(error),
        }
    }
    becomes_root(shell, Some(Way::Doas), None)?;
    Ok((Way::Doas, None))
}

/// True if commands are root's in this way.
fn becomes_root(shell: &mut Shell, way: Option<Way>, password: Option<Secret<String>>) -> Result<bool, SshError> {
    let root = way.map(|way| (way, password));
    let limits = Limits { output: 4096, ..Limits::default() };
    let captured = capture::of(|sink| shell.run(root, "id -u", &[], &[], sink, limits))?;
    Ok(captured.text().trim() == "0")
}
