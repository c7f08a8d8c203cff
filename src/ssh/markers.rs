//! Random words that separate the output of a command from what a login prints before it.

use super::error::SshError;
use crate::base::env::Random;

const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The markers of one command. They are random, so that no file that a login prints has them, and the command line has
/// them only in two halves, so that a shell that prints its commands does not print them.
pub(super) struct Markers {
    started: [String; 2],
    prompt: [String; 2],
}

impl Markers {
    pub(super) fn new(random: &Random) -> Result<Self, SshError> {
        let half = || {
            let text = random.text(10, LETTERS);
            text.map_err(|error| SshError::Protocol { what: "reading random bytes", why: error.to_string() })
        };
        Ok(Self { started: [half()?, half()?], prompt: [half()?, half()?] })
    }

    /// The shell commands that print the marker.
    pub(super) fn announcement(&self) -> String {
        let [a, b] = &self.started;
        format!("echo {a}\"{b}\"; echo {a}\"{b}\" >&2")
    }

    /// The prompt as a word of a shell command.
    pub(super) fn prompt_word(&self) -> String {
        let [a, b] = &self.prompt;
        format!("{a}\"{b}\"")
    }

    /// The line that a stream has when the command starts.
    pub(super) fn start_line(&self) -> Vec<u8> {
        format!("{}\n", self.started.concat()).into_bytes()
    }

    /// The prompt of `sudo`.
    pub(super) fn prompt_text(&self) -> Vec<u8> {
        self.prompt.concat().into_bytes()
    }
}
