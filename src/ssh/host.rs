//! A host that is connected: what it is, commands on it, as the user or as root.

use super::capture::{self, Captured};
use super::error::SshError;
use super::facts::{self, Facts};
use super::line::RemoteCommand;
use super::privilege::{Privilege, Way};
use super::root;
use super::shell::{Limits, Shell};
use super::target::Target;
use super::transport::{Established, Exit, Sink, Transport};
use super::upload::{self, Uploaded};
use crate::base::env::{Clock, Random};
use crate::base::gate::Gate;
use crate::base::secret::Secret;

/// Runs its arguments as a command.
const EXEC: &str = "exec \"$@\"";

/// An authenticated connection to a host. It runs one command at a time; dropping it closes the connection.
pub struct Host {
    shell: Shell,
    target: Target,
    clock: Clock,
}

impl Host {
    pub(super) fn new(transport: Box<dyn Transport>, target: Target, clock: Clock, random: Random) -> Self {
        Self { shell: Shell::new(transport, &target.user, random), target, clock }
    }

    /// Where it is and how it was connected to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How the connection was established; None if the system's `ssh` did it.
    pub fn established(&self) -> Option<&Established> {
        self.shell.transport.established()
    }

    /// What the host is, in one command as the user.
    pub fn facts(&mut self) -> Result<Facts, SshError> {
        facts::gather(&mut self.shell, &self.clock)
    }

    /// Finds a way to become root. `password` is asked at most once, and only if the host asks for one; a refused
    /// password is never tried again.
    pub fn become_root(
        &mut self,
        privilege: Privilege,
        password: &mut dyn FnMut() -> Option<Secret<String>>,
    ) -> Result<Way, SshError> {
        let (way, password) = root::find(&mut self.shell, privilege, password)?;
        self.shell.root = Some((way, password));
        Ok(way)
    }

    /// The way that [`Host::become_root`] found.
    pub fn way(&self) -> Option<Way> {
        self.shell.root.as_ref().map(|(way, _)| *way)
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
        self.shell.run(None, EXEC, &command.words(), stdin, sink, limits)
    }

    /// Runs a command as root, in the way that [`Host::become_root`] found.
    pub fn run_as_root(
        &mut self,
        command: &RemoteCommand,
        stdin: &[u8],
        sink: &mut dyn Sink,
        limits: Limits,
    ) -> Result<Exit, SshError> {
        self.shell.run_as_root(EXEC, &command.words(), stdin, sink, limits)
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

    /// Installs a program in a directory that only root can write to, unless it already exists, under a name that is its
    /// SHA-256 hash. The host verified the hash before its path is returned. In a dry run nothing is uploaded: None.
    pub fn upload(&mut self, gate: &Gate, bytes: &[u8]) -> Result<Option<Uploaded>, SshError> {
        upload::install(&mut self.shell, gate, bytes)
    }
}
