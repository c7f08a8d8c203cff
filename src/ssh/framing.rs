//! Separates the output of a command from what a login prints before it, and knows when a host may be given a password or
//! its input.
//!
//! The script on the host first prints a random marker, to both streams. Everything before it is the login's: dropped,
//! and read only up to a limit. The command's input is sent after the marker, and a password only after the prompt of
//! `sudo`, which is another marker: a `sudo` that asks for no password would hand it to the command, and a second prompt
//! means that it was wrong.

use super::error::{SshError, SudoError};
use super::markers::Markers;
use super::privilege::Way;
use super::sudo;
use super::transport::{Exit, Say, Sink, Stream, Talk};
use crate::base::sanitize;
use crate::base::secret::Secret;
use std::ops::ControlFlow;

/// What a login may print before the command.
const NOISE: usize = 64 << 10;
/// Calls of `idle` (five a second) after which a command that has not started never will.
const PATIENCE: u32 = 300;

/// One stream of a command.
#[derive(Default)]
struct Side {
    /// What came before the marker.
    before: Vec<u8>,
    started: bool,
}

/// The conversation with one command.
pub(super) struct Framed<'a> {
    start: Vec<u8>,
    prompt: Vec<u8>,
    password: Option<Vec<u8>>,
    password_sent: usize,
    /// Prompts seen.
    prompts: usize,
    stdout: Side,
    stderr: Side,
    /// Bytes of standard error that were already searched for prompts.
    searched: usize,
    stdin: &'a [u8],
    sink: &'a mut dyn Sink,
    left: u64,
    limit: u64,
    too_much: bool,
    ticks: u32,
    gave_up: bool,
}

impl<'a> Framed<'a> {
    pub(super) fn new(
        markers: &Markers,
        password: Option<&Secret<String>>,
        stdin: &'a [u8],
        sink: &'a mut dyn Sink,
        limit: u64,
    ) -> Self {
        Self {
            start: markers.start_line(),
            prompt: markers.prompt_text(),
            password: password.map(|password| format!("{}\n", password.expose()).into_bytes()),
            password_sent: 0,
            prompts: 0,
            stdout: Side::default(),
            stderr: Side::default(),
            searched: 0,
            stdin,
            sink,
            left: limit,
            limit,
            too_much: false,
            ticks: 0,
            gave_up: false,
        }
    }

    /// What the conversation says about the end of the command.
    pub(super) fn end(self, exit: Result<Exit, SshError>, way: Option<Way>, user: &str) -> Result<Exit, SshError> {
        if self.too_much && !self.stdout.started {
            return Err(SshError::Noise { user: user.to_owned(), limit: NOISE });
        }
        if self.too_much {
            return Err(SshError::Output { limit: self.limit });
        }
        if self.prompts > 1 && !self.stdout.started {
            return Err(SudoError::WrongPassword { user: user.to_owned() }.into());
        }
        let exit = exit?;
        if self.stdout.started {
            return Ok(exit);
        }
        let printed = |side: &Side| sanitize::line(&String::from_utf8_lossy(&side.before));
        match way {
            Some(way @ (Way::Sudo | Way::SudoPassword | Way::Doas)) => {
                Err(sudo::refusal(way, user, &exit, &String::from_utf8_lossy(&self.stderr.before), self.gave_up).into())
            }
            _ => {
                let (out, err) = (printed(&self.stdout), printed(&self.stderr));
                let text = if out.is_empty() { err } else { out };
                let instead = match (self.gave_up, text.is_empty(), exit) {
                    (true, true, _) => "nothing happened for a minute".into(),
                    (true, false, _) => format!("the host printed \"{text}\" and went on for a minute"),
                    (false, true, Exit::Code(code)) => format!("the session ended with exit code {code}"),
                    (false, true, _) => "the session ended".into(),
                    (false, false, _) => format!("the host printed \"{text}\""),
                };
                Err(SshError::NoShell { user: user.to_owned(), instead })
            }
        }
    }

    fn pass(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        if bytes.is_empty() {
            return ControlFlow::Continue(());
        }
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.too_much = true;
            return ControlFlow::Break(());
        };
        self.left = left;
        self.sink.output(stream, bytes)
    }

    /// Counts the prompts among what came before the marker on standard error.
    fn look_for_prompts(&mut self) {
        while let Some(at) = find(&self.stderr.before[self.searched..], &self.prompt) {
            self.searched += at + self.prompt.len();
            self.prompts += 1;
        }
    }
}

impl Talk for Framed<'_> {
    fn heard(&mut self, stream: Stream, bytes: &[u8]) -> Result<ControlFlow<()>, SshError> {
        let side = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        if side.started {
            return Ok(self.pass(stream, bytes));
        }
        let from = side.before.len().saturating_sub(self.start.len());
        side.before.extend_from_slice(bytes);
        let Some(at) = find(&side.before[from..], &self.start).map(|at| from + at) else {
            let too_much = side.before.len() > NOISE;
            if stream == Stream::Stderr {
                self.look_for_prompts();
            }
            if too_much {
                self.too_much = true;
                return Ok(ControlFlow::Break(()));
            }
            return Ok(ControlFlow::Continue(()));
        };
        side.started = true;
        let rest = side.before.split_off(at + self.start.len());
        Ok(self.pass(stream, &rest))
    }

    fn next(&mut self) -> Say<'_> {
        if self.stdout.started {
            return if self.stdin.is_empty() { Say::End } else { Say::Bytes(self.stdin) };
        }
        match (&self.password, self.prompts) {
            (Some(password), 1) if self.password_sent < password.len() => Say::Bytes(&password[self.password_sent..]),
            (_, 0) | (Some(_), 1) => Say::Nothing,
            // A second prompt, or one without a password: nothing is tried again.
            _ => Say::End,
        }
    }

    fn said(&mut self, count: usize) {
        if self.stdout.started {
            self.stdin = &self.stdin[count.min(self.stdin.len())..];
        } else {
            self.password_sent += count;
        }
    }

    fn idle(&mut self) -> ControlFlow<()> {
        if self.stdout.started {
            return self.sink.idle();
        }
        self.ticks += 1;
        if self.ticks > PATIENCE {
            self.gave_up = true;
            return ControlFlow::Break(());
        }
        self.sink.idle()
    }
}

impl Drop for Framed<'_> {
    fn drop(&mut self) {
        if let Some(password) = &mut self.password {
            zeroize::Zeroize::zeroize(password);
        }
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests;
