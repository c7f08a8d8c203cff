//! Asks for passphrases and passwords on the terminal, without showing them.

use crate::base::secret::Secret;
use crate::ssh::Prompts;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The terminal of this process, if it has one.
pub struct Terminal {
    usable: bool,
    /// The password for sudo, once it was asked for. One question at a time.
    sudo: Mutex<Option<Option<Secret<String>>>>,
}

impl Terminal {
    /// `usable`: a person is there to answer.
    pub fn new(usable: bool) -> Self {
        Self { usable, sudo: Mutex::default() }
    }

    /// Asked once for all hosts.
    pub fn sudo_password(&self) -> Option<Secret<String>> {
        let mut known = self.sudo.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| self.ask("Password for sudo on the hosts: ")).clone()
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
    hidden.local_modes.remove(LocalModes::ECHO);
    let quiet = Quiet { terminal: &terminal, before };
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    (&terminal).write_all(question.as_bytes())?;
    let mut line = String::new();
    BufReader::new(&terminal).read_line(&mut line)?;
    (&terminal).write_all(b"\n")?;
    drop(quiet);
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(Secret::new(line))
}
