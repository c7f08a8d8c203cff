//! Asks for passphrases and passwords on the terminal, without showing them.

use crate::base::secret::Secret;
use crate::ssh::Prompts;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::OnceLock;

/// Longer than any passphrase.
const LONGEST: usize = 1024;

/// The terminal of this process, if it has one.
pub struct Terminal {
    usable: bool,
    /// The password for sudo, once it was asked for; None if there was no answer.
    sudo: OnceLock<Option<Secret<String>>>,
}

impl Terminal {
    /// `usable`: a person is there to answer.
    pub fn new(usable: bool) -> Self {
        Self { usable, sudo: OnceLock::new() }
    }

    /// Asked once for all hosts.
    pub fn sudo_password(&self) -> Option<Secret<String>> {
        self.sudo.get_or_init(|| self.ask("Password for sudo on the hosts: ")).clone()
    }

    /// None if there is nothing to ask on, or no answer.
    fn ask(&self, question: &str) -> Option<Secret<String>> {
        if !self.usable {
            return None;
        }
        read_hidden(question).ok().filter(|answer| !answer.expose().is_empty())
    }
}

impl Prompts for Terminal {
    fn passphrase(&self, key: &Path) -> Option<Secret<String>> {
        self.ask(&format!("Passphrase of {}: ", key.display()))
    }
}

/// Shows characters again, however the question ends.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // There is nothing to do about a terminal that is gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn read_hidden(question: &str) -> io::Result<Secret<String>> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    // With Ctrl-C as a character, the terminal is never left without echo.
    hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    let quiet = Quiet { terminal: &terminal, before };
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    (&terminal).write_all(question.as_bytes())?;
    let line = line_of((&terminal).bytes());
    (&terminal).write_all(b"\n")?;
    drop(quiet);
    line
}

/// A line as it is typed: with corrections, and an error if it is cancelled.
fn line_of(keys: impl Iterator<Item = io::Result<u8>>) -> io::Result<Secret<String>> {
    let mut line = Secret::new(Vec::new());
    for key in keys {
        match key? {
            b'\n' | b'\r' => break,
            0x03 | 0x04 => return Err(io::ErrorKind::Interrupted.into()),
            0x08 | 0x7f => drop_last(&mut line),
            key if line.expose().len() < LONGEST => line = Secret::new([line.expose().as_slice(), &[key]].concat()),
            _ => {}
        }
    }
    Ok(Secret::new(String::from_utf8_lossy(line.expose()).into_owned()))
}

/// Removes the last character, which may have several bytes.
fn drop_last(line: &mut Secret<Vec<u8>>) {
    let bytes = line.expose();
    let end = bytes.iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
    *line = Secret::new(bytes[..end].to_vec());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        line_of(keys.iter().map(|key| Ok(*key))).ok().map(|line| line.expose().clone())
    }

    #[test]
    fn lines_are_corrected_ended_and_cancelled() {
        assert_eq!(typed(b"pass\x7f\x7fss word\nrest").unwrap(), "pass word");
        assert_eq!(typed("aü\u{7f}b\r".as_bytes()).unwrap(), "ab");
        assert_eq!(typed(b"\x7f\x08x\n").unwrap(), "x");
        assert_eq!(typed(b"secret\x03\n"), None);
    }
}
