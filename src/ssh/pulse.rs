//! Notices that a connection is dead: asks for a sign of life after a while without any.

use super::error::SshError;
use super::target::Keepalive;
use super::wire::Wire;
use crate::base::env::Clock;
use std::time::Duration;

/// The last signs of life, by the monotonic clock.
pub(super) struct Pulse {
    keepalive: Keepalive,
    heard: Duration,
    asked: u32,
}

impl Pulse {
    pub(super) fn new(keepalive: Keepalive, clock: &Clock) -> Self {
        Self { keepalive, heard: clock.monotonic(), asked: 0 }
    }

    /// Something arrived.
    pub(super) fn heard(&mut self, clock: &Clock) {
        self.heard = clock.monotonic();
        self.asked = 0;
    }

    /// Asks if it is time, or gives up.
    pub(super) fn beat(&mut self, wire: &Wire) -> Result<(), SshError> {
        let Keepalive { interval, count } = self.keepalive;
        let silent = wire.clock.monotonic().saturating_sub(self.heard);
        if interval.is_zero() || silent < interval.saturating_mul(self.asked + 1) {
            return Ok(());
        }
        if self.asked >= count {
            return Err(wire.lost(&format!("no sign of life for {silent:.0?}")));
        }
        self.asked += 1;
        // libssh2 sends at most one in an interval, and nothing if the socket is full.
        wire.session.keepalive_send().map(|_| ()).or_else(|error| {
            if error.code() == ssh2::ErrorCode::Session(super::wire::EAGAIN) {
                Ok(())
            } else {
                Err(wire.lost(error.message()))
            }
        })
    }
}
