//! One stream through a jump host: bytes between its channel and a local socket, in both directions.

use super::error::SshError;
use super::wire::{Deadline, Wire};
use rustix::event::{PollFd, PollFlags};
use ssh2::Channel;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Kept in each direction: what the other side has not taken yet.
const PIECE: usize = 32 << 10;

/// A stream.
pub(super) struct Carried {
    channel: Channel,
    local: UnixStream,
    /// To the local side.
    inward: Vec<u8>,
    /// To the host.
    outward: Vec<u8>,
    local_ended: bool,
    host_informed: bool,
    host_ended: bool,
}

impl Carried {
    /// `local` does not block.
    pub(super) fn new(channel: Channel, local: UnixStream) -> Self {
        Self {
            channel,
            local,
            inward: Vec::new(),
            outward: Vec::new(),
            local_ended: false,
            host_informed: false,
            host_ended: false,
        }
    }

    /// Both sides have ended, or the local one is gone.
    pub(super) fn is_done(&self) -> bool {
        (self.host_ended && self.inward.is_empty()) || (self.local_ended && self.host_informed)
    }

    /// What the local side is waited for; None if nothing.
    pub(super) fn waits_for(&self) -> Option<PollFd<'_>> {
        let mut flags = PollFlags::empty();
        if !self.inward.is_empty() {
            flags |= PollFlags::OUT;
        }
        if self.outward.is_empty() && !self.local_ended {
            flags |= PollFlags::IN;
        }
        (!flags.is_empty()).then(|| PollFd::from_borrowed_fd(self.local.as_fd(), flags))
    }

    /// Moves what can be moved. True if something was.
    pub(super) fn advance(&mut self, wire: &Wire, soon: Deadline) -> Result<bool, SshError> {
        let mut moved = false;
        if self.inward.is_empty() && !self.host_ended {
            let mut buffer = vec![0; PIECE];
            let channel = &mut self.channel;
            if let Some(count) = wire.attempt(soon, || channel.read(&mut buffer))? {
                buffer.truncate(count);
                self.host_ended = count == 0 && self.channel.eof();
                moved |= count > 0 || self.host_ended;
                self.inward = buffer;
                if self.host_ended {
                    let _ = self.local.shutdown(Shutdown::Write);
                }
            }
        }
        if !self.inward.is_empty() {
            let written = self.local.write(&self.inward);
            moved |= self.local_moved(written, |this, count| drop(this.inward.drain(..count)));
        }
        if self.outward.is_empty() && !self.local_ended {
            let mut buffer = vec![0; PIECE];
            let read = self.local.read(&mut buffer);
            moved |= self.local_moved(read, |this, count| {
                buffer.truncate(count);
                this.local_ended = count == 0;
                this.outward = buffer;
            });
        }
        if !self.outward.is_empty() {
            let (channel, outward) = (&mut self.channel, &self.outward);
            if let Some(count @ 1..) = wire.attempt(soon, || channel.write(outward))? {
                self.outward.drain(..count);
                moved = true;
            }
        }
        if self.local_ended && self.outward.is_empty() && !self.host_informed {
            let channel = &mut self.channel;
            self.host_informed = wire.attempt(soon, || Ok(channel.close()?))?.is_some();
            moved |= self.host_informed;
        }
        Ok(moved)
    }

    fn local_moved(&mut self, result: io::Result<usize>, then: impl FnOnce(&mut Self, usize)) -> bool {
        match result {
            Ok(count) => {
                then(self, count);
                true
            }
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                    // Dropping the channel informs the host.
                    (self.local_ended, self.host_informed) = (true, true);
                }
                false
            }
        }
    }
}
