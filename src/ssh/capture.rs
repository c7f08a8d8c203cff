//! The output of a command, kept.

use super::error::SshError;
use super::transport::{Exit, Sink, Stream};
use crate::base::sanitize;
use std::ops::ControlFlow;

/// How a command ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Captured {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it complained about, on one line that is safe to display.
    pub fn complaint(&self) -> String {
        sanitize::line(&String::from_utf8_lossy(if self.stderr.is_empty() { &self.stdout } else { &self.stderr }))
    }
}

#[derive(Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Sink for Kept {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        match stream {
            Stream::Stdout => self.stdout.extend_from_slice(bytes),
            Stream::Stderr => self.stderr.extend_from_slice(bytes),
        }
        ControlFlow::Continue(())
    }
}

/// Runs a command with a sink that keeps everything; how much that may be is the command's limit.
pub(super) fn of(run: impl FnOnce(&mut dyn Sink) -> Result<Exit, SshError>) -> Result<Captured, SshError> {
    let mut kept = Kept::default();
    let exit = run(&mut kept)?;
    Ok(Captured { exit, stdout: kept.stdout, stderr: kept.stderr })
}
