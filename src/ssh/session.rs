//! A connection of our own: handshake, verification of the host key, login.

use super::algorithms;
use super::error::SshError;
use super::exec;
use super::host_key::HostKey;
use super::known_hosts::KnownHosts;
use super::login::{self, Passphrase};
use super::socket::Socket;
use super::target::{Keepalive, Target};
use super::transport::{Established, Exit, Talk, Time, Transport};
use super::trust;
use super::wire::{Deadline, Wire};
use crate::base::env::{Clock, Random};
use crate::base::gate::Gate;
use ssh2::Session;
use std::path::Path;

/// What opening a connection needs besides the target.
pub(super) struct Opening<'a> {
    pub clock: &'a Clock,
    pub random: &'a Random,
    pub gate: &'a Gate,
    pub known: &'a KnownHosts,
    /// The agent that the environment names.
    pub agent: Option<&'a Path>,
    pub passphrase: Passphrase<'a>,
}

/// A host that is logged in to.
pub(super) struct Own {
    /// None once [`Own::into_wire`] has taken it.
    wire: Option<Wire>,
    established: Established,
    keepalive: Keepalive,
}

impl Own {
    /// Opens a session on a stream that is connected. Nothing about the user is sent before the host key is verified.
    pub(super) fn open(target: &Target, socket: Socket, cx: &Opening<'_>) -> Result<Self, SshError> {
        let failed = |why: String| SshError::Protocol { what: "opening a session", why };
        let again = socket.again().map_err(|error| failed(error.to_string()))?;
        let mut session = Session::new().map_err(|error| failed(error.to_string()))?;
        session.set_blocking(false);
        session.set_timeout(u32::try_from(target.connect_timeout.as_millis()).unwrap_or(u32::MAX).max(1));
        algorithms::prefer(&session, &target.algorithms, &cx.known.kinds(&target.key_name(), &target.pins))?;
        session.set_tcp_stream(again);
        let wire = Wire::new(session, socket, target.shown(), cx.clock.clone());
        handshake(&wire, target)?;
        let key = match wire.session.host_key() {
            Some((blob, _)) => HostKey::new(blob),
            None => return Err(failed("the host presented no key".into())),
        };
        let verified_by = trust::verify(target, &key, cx.known, cx.gate, cx.random)?;
        let logged_in_with = login::login(&wire, target, cx.agent, cx.passphrase)?;
        let seconds = u32::try_from(target.keepalive.interval.as_secs()).unwrap_or(u32::MAX);
        wire.session.set_keepalive(true, seconds);
        Ok(Self {
            wire: Some(wire),
            established: Established { key, verified_by, logged_in_with },
            keepalive: target.keepalive,
        })
    }

    /// The session, for other streams than those of commands.
    pub(super) fn into_wire(mut self) -> Option<Wire> {
        self.wire.take()
    }
}

fn handshake(wire: &Wire, target: &Target) -> Result<(), SshError> {
    let deadline = Deadline::after(&wire.clock, target.connect_timeout);
    // A clone is the same session: `handshake` wants it mutable for no reason of ours.
    let mut session = wire.session.clone();
    let done = wire.drive("the SSH handshake", deadline, || session.handshake());
    done.map_err(|error| match error {
        SshError::Lost { why, .. } => SshError::ClosedEarly { host: target.shown(), why },
        error => error,
    })
}

impl Transport for Own {
    fn exec(&mut self, line: &str, talk: &mut dyn Talk, time: Time) -> Result<Exit, SshError> {
        match &self.wire {
            Some(wire) => exec::run(wire, self.keepalive, line, talk, time),
            None => Err(SshError::Protocol { what: "running a command", why: "the session was given away".into() }),
        }
    }

    fn established(&self) -> Option<&Established> {
        Some(&self.established)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(wire) = &self.wire {
            // Best effort: without it the host notices at the end of the connection.
            let _ = wire.session.disconnect(None, "done", None);
        }
    }
}
