//! The command with which a person moves a file or directory away, as hints suggest it.

use std::fmt::Display;

/// The command: the new name has the time in it, so that nothing is overwritten and `mv` moves into no directory.
pub fn command(path: impl Display) -> String {
    format!("mv {path} {path}.$(date +%s)")
}
