//! `sudo` and `doas`: their command lines, and what their refusals mean.

use super::error::{SshError, SudoError};
use super::line;
use super::markers::Markers;
use super::privilege::Way;
use super::transport::Exit;
use crate::base::sanitize;

/// The line for the login shell that runs `script` in this way; None is as the user.
pub(super) fn line(way: Option<Way>, markers: &Markers, script: &str, arguments: &[&str]) -> Result<String, SshError> {
    let script = format!("{}; {}; {script}", line::PATH, markers.announcement());
    // In `/bin/sh -c SCRIPT NAME ARGUMENT…` the first word after the script is `$0`.
    let outer = match way {
        None | Some(Way::Login) => {
            return line::sh(&script, &[&["sh"], arguments].concat());
        }
        Some(Way::Sudo) => "exec sudo -n -- /bin/sh -c \"$0\" sh \"$@\"".to_owned(),
        // -k: a remembered password would be used instead of this one, and might be another user's.
        Some(Way::SudoPassword) => {
            format!("exec sudo -k -S -p {} -- /bin/sh -c \"$0\" sh \"$@\"", markers.prompt_word())
        }
        Some(Way::Doas) => "exec doas -n /bin/sh -c \"$0\" sh \"$@\"".to_owned(),
    };
    line::sh(&format!("{}; {outer}", line::PATH), &[&[script.as_str()], arguments].concat())
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
