//! Runs scripts of ours on a connection, as the user or as root.

use super::error::{SshError, SudoError};
use super::framing::Framed;
use super::markers::Markers;
use super::privilege::Way;
use super::sudo;
use super::transport::{Exit, Sink, Time, Transport};
use crate::base::env::Random;
use crate::base::secret::Secret;
use std::time::Duration;

/// What a command may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From start to end; None: as long as the connection is alive.
    pub time: Option<Duration>,
    /// Bytes of standard output and standard error together.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Some(Duration::from_secs(60)), output: 16 << 20 }
    }
}

/// A way to root, with the password that it needs.
pub(super) type Root = (Way, Option<Secret<String>>);

/// A connection on which scripts run.
pub(super) struct Shell {
    pub(super) transport: Box<dyn Transport>,
    user: String,
    random: Random,
    pub(super) root: Option<Root>,
    /// The user's id, once it is known.
    pub(super) uid: Option<u32>,
}

impl Shell {
    pub(super) fn new(transport: Box<dyn Transport>, user: &str, random: Random) -> Self {
        Self { transport, user: user.to_owned(), random, root: None, uid: None }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Runs a script with its arguments as `$1`, `$2`, …, in this way or as the user. Neither may have what shells read
    /// differently (see [`super::line`]).
    pub(super) fn run(
        &mut self,
        root: Option<Root>,
        script: &str,
        arguments: &[&str],
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let (way, password) = root.map_or((None, None), |(way, password)| (Some(way), password));
        let markers = Markers::new(&self.random)?;
        let line = sudo::line(way, &markers, script, arguments)?;
        let mut framed = Framed::new(&markers, password.as_ref(), stdin, sink, limits.output);
        let exit = self.transport.exec(&line, &mut framed, Time { all: limits.time });
        framed.end(exit, way, &self.user)
    }

    /// Runs a script in the way that was found.
    pub(super) fn run_as_root(
        &mut self,
        script: &str,
        arguments: &[&str],
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let Some((way, password)) = &self.root else { return Err(SudoError::NotLooked.into()) };
        let root = (*way, password.clone());
        self.run(Some(root), script, arguments, stdin, sink, limits)
    }
}
