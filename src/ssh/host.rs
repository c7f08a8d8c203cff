//! A host that is connected: what it is, commands on it, as the user or as root.

use super::capture::{self, Captured};
use super::error::SshError;
use super::facts::{self, Facts};
use super::framing::{Framed, Ready};
use super::host_key::HostKey;
use super::line::{self, RemoteCommand};
use super::privilege::{Privilege, Way};
use super::sudo;
use super::target::Target;
use super::transport::{Exit, Sink, Time, Transport};
use super::upload::{self, Uploaded};
use crate::base::env::{Clock, Random};
use crate::base::gate::Gate;
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

/// An authenticated connection to a host. It runs one command at a time; dropping it closes the connection.
pub struct Host {
    pub(super) transport: Box<dyn Transport>,
    target: Target,
    clock: Clock,
    random: Random,
    root: Option<Root>,
}

/// How commands become root here.
struct Root {
    way: Way,
    password: Option<Secret<String>>,
}

impl Host {
    pub(super) fn new(transport: Box<dyn Transport>, target: Target, clock: Clock, random: Random) -> Self {
        Self { transport, target, clock, random, root: None }
    }

    /// Where it is and how it was connected to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The key with which the host proved who it is; None if the system's `ssh` verified it.
    pub fn host_key(&self) -> Option<&HostKey> {
        self.transport.host_key()
    }

    /// What the host is, in one command as the user.
    pub fn facts(&mut self) -> Result<Facts, SshError> {
        let clock = self.clock.clone();
        facts::gather(self, &clock)
    }

    /// Finds a way to become root. `password` is asked at most once, and only if the host asks for one; a refused
    /// password is never tried again.
    pub fn become_root(
        &mut self,
        privilege: Privilege,
        password: &mut dyn FnMut() -> Option<Secret<String>>,
    ) -> Result<Way, SshError> {
        let (way, password) = sudo::find(self, privilege, password)?;
        self.root = Some(Root { way, password });
        Ok(way)
    }

    /// The way that [`Host::become_root`] found.
    pub fn way(&self) -> Option<Way> {
        self.root.as_ref().map(|root| root.way)
    }

    /// Runs a command as the user, with `stdin` as its standard input. What a noisy login prints before it is not part of
    /// the output.
    pub fn run(
        &mut self,
        command: &RemoteCommand,
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let words: Vec<&str> = command.words().iter().map(String::as_str).collect();
        self.frame(None, "exec \"$@\"", &words, stdin, sink, limits)
    }

    /// Runs a command as root, in the way that [`Host::become_root`] found.
    pub fn run_as_root(
        &mut self,
        command: &RemoteCommand,
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let words: Vec<&str> = command.words().iter().map(String::as_str).collect();
        self.script_as_root("exec \"$@\"", &words, stdin, sink, limits)
    }

    /// Runs a command as the user and keeps its output.
    pub fn capture(&mut self, command: &RemoteCommand, stdin: &[u8], limits: Limits) -> Result<Captured, SshError> {
        capture::of(|sink| self.run(command, stdin, sink, limits))
    }

    /// Runs a command as root and keeps its output.
    pub fn capture_as_root(
        &mut self,
        command: &RemoteCommand,
        stdin: &[u8],
        limits: Limits,
    ) -> Result<Captured, SshError> {
        capture::of(|sink| self.run_as_root(command, stdin, sink, limits))
    }

    /// Installs a program in a directory that only root can write to, unless it is there already, under a name that is its
    /// SHA-256 hash. The host verified the hash before its path is returned. In a dry run nothing is uploaded: None.
    pub fn upload(&mut self, gate: &Gate, bytes: &[u8]) -> Result<Option<Uploaded>, SshError> {
        upload::install(self, gate, bytes)
    }

    /// Runs a script of ours as the user.
    pub(super) fn script(
        &mut self,
        script: &str,
        arguments: &[&str],
        stdin: &[u8],
        limits: Limits,
    ) -> Result<Captured, SshError> {
        capture::of(|sink| self.frame(None, script, arguments, stdin, sink, limits))
    }

    /// Runs a script of ours as root.
    pub(super) fn script_as_root(
        &mut self,
        script: &str,
        arguments: &[&str],
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let Some(Root { way, password }) = &self.root else {
            return Err(sudo::SudoError::NotLooked.into());
        };
        let (way, password) = (*way, password.clone());
        self.frame(Some((way, password)), script, arguments, stdin, sink, limits)
    }

    /// Runs a script of ours behind its marker.
    pub(super) fn frame(
        &mut self,
        root: Option<(Way, Option<Secret<String>>)>,
        script: &str,
        arguments: &[&str],
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        let (way, password) = root.map_or((None, None), |(way, password)| (Some(way), password));
        let ready = Ready::new(&self.random)?;
        let line = sudo::line(way, &ready, script, arguments)?;
        let mut framed = Framed::new(&ready, password.as_ref(), stdin, sink, limits.output);
        let exit = self.transport.exec(&line, &mut framed, Time { all: limits.time });
        framed.judge(exit, way, &self.target.user)
    }
}

/// A script that is given to `/bin/sh` with its arguments as `$1`, `$2`, ….
pub(super) fn wrapped(script: &str, ready: &Ready) -> String {
    format!("{}; {}; {script}", line::PATH, ready.announcement())
}
