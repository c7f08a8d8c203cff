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
        (_, true) => "it did not answer within a minute".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Random;

    #[test]
    fn each_way_has_a_line_that_every_shell_reads_the_same_way() {
        let markers = Markers::new(&Random::seeded(3)).unwrap();
        for way in [None, Some(Way::Login), Some(Way::Sudo), Some(Way::SudoPassword), Some(Way::Doas)] {
            let line = line(way, &markers, "exec \"$@\"", &["id", "-u"]).unwrap();
            assert!(line.starts_with("exec /bin/sh -c '") && line.ends_with(" 'id' '-u'"), "{line}");
            assert!(!line.contains(['\n', '\\', '!']) && line.matches('\'').count() % 2 == 0, "{line}");
            // Neither marker is printed by a shell that prints the line.
            for marker in [markers.start_line(), markers.prompt_text()] {
                assert!(!line.contains(String::from_utf8(marker).unwrap().trim()), "{line}");
            }
        }
    }

    #[test]
    fn refusals_are_distinguished_by_what_sudo_and_doas_say() {
        let of = |way, code, text: &str| refusal(way, "ops", &Exit::Code(code), text, false).to_string();
        for (code, text, expected) in [
            (1, "sudo: a password is required\n", "sudo asks for the password of ops"),
            (1, "sudo: interactive authentication is required\n", "sudo asks for the password of ops"),
            (1, "sudo: sorry, you must have a tty to run sudo\n", "only on a terminal"),
            (1, "ops is not in the sudoers file.\n", "not allowed to run commands as root: ops is not in the sudoers"),
            (1, "Sorry, user ops may not run sudo on n1.\n", "ops is not allowed"),
            (1, "Sorry, try again.\nsudo: 1 incorrect password attempt\n", "does not accept the password of ops"),
            (127, "sh: 1: exec: sudo: not found\n", "neither sudo nor doas is installed"),
            (1, "sudo: unable to stat /etc/sudoers\x1b[2J\n", "sudo failed: sudo: unable to stat /etc/sudoers [2J"),
        ] {
            let text = of(Way::Sudo, code, text);
            assert!(text.contains(expected), "{text}");
        }
        assert!(of(Way::Doas, 1, "doas: Authorization required\n").contains("doas does not let ops"));
        assert!(of(Way::Doas, 127, "").contains("neither sudo nor doas"));
    }
}
