//! What a connection must be able to do: run one command line while its output is read and its input is written. Ours
//! and the system's `ssh` both do; everything else is built on it.

use super::error::SshError;
use super::host_key::HostKey;
use std::ops::ControlFlow;
use std::time::Duration;

/// Where output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code.
    Code(i32),
    /// By this signal, without the `SIG`.
    Signal(String),
    /// [`Sink`] or `Talk` stopped it: the channel was closed, and the program on the host may still be running.
    Stopped,
}

impl Exit {
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

/// Takes the output of a command as it arrives. The bytes are what the host sent: what prints them makes them safe
/// first ([`crate::base::sanitize`]).
pub trait Sink {
    /// A piece of output. `Break` stops the command.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()>;

    /// Called about every 200 ms, whether there is output or not. `Break` stops the command.
    fn idle(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// The two sides of a running command: what it printed, and what it is to read next.
pub(super) trait Talk {
    /// A piece of output. An error or `Break` ends the command.
    fn heard(&mut self, stream: Stream, bytes: &[u8]) -> Result<ControlFlow<()>, SshError>;

    /// What is written to its standard input next; asked again after each output.
    fn next(&mut self) -> Say<'_>;

    /// The first `count` bytes of the last [`Say::Bytes`] are written.
    fn said(&mut self, count: usize);

    /// Called about every 200 ms.
    fn idle(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What is written to standard input.
pub(super) enum Say<'a> {
    Bytes(&'a [u8]),
    /// Nothing yet: it depends on the output.
    Nothing,
    /// Nothing any more: it is closed.
    End,
}

/// How long a command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// From start to end; None: as long as the connection is alive.
    pub all: Option<Duration>,
}

/// How a connection was established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    /// The key with which the host proved who it is.
    pub key: HostKey,
    /// What verified it: a line of a file of known hosts, or a pin.
    pub verified_by: String,
    /// The key that logged in.
    pub logged_in_with: String,
}

/// How often [`Sink::idle`] is called.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// A connection to a host on which commands run.
pub(super) trait Transport: Send {
    /// Gives `line` to the login shell and talks to it until it ends.
    fn exec(&mut self, line: &str, talk: &mut dyn Talk, time: Time) -> Result<Exit, SshError>;

    /// How it was established; None if another program did it.
    fn established(&self) -> Option<&Established>;
}
