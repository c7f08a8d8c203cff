//! An SSH session of libssh2 on a socket that never blocks: every operation has a deadline.

use super::error::SshError;
use super::socket::Socket;
use crate::base::env::Clock;
use crate::base::sanitize;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, ErrorCode, Session};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// libssh2: the operation would block.
pub(super) const EAGAIN: i32 = -37;
/// libssh2: the connection is closed, or cannot be read or written.
const CLOSED: [i32; 5] = [-2, -7, -13, -30, -43];

/// A session and the socket under it.
pub(super) struct Wire {
    pub session: Session,
    socket: Socket,
    /// For messages.
    pub host: String,
    pub clock: Clock,
}

/// A moment by which something must be done.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Duration,
    pub limit: Duration,
}

impl Deadline {
    pub(super) fn after(clock: &Clock, limit: Duration) -> Self {
        Self { at: clock.monotonic().saturating_add(limit), limit }
    }

    pub(super) fn left(&self, clock: &Clock) -> Duration {
        self.at.saturating_sub(clock.monotonic())
    }
}

impl Wire {
    pub(super) fn new(session: Session, socket: Socket, host: String, clock: Clock) -> Self {
        Self { session, socket, host, clock }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// True if libssh2 has half a packet to write: it must be allowed to finish before it is asked for anything else.
    pub(super) fn owes(&self) -> bool {
        matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }

    /// What the socket is waited for.
    pub(super) fn wants(&self) -> PollFlags {
        if self.owes() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    }

    /// Waits until the socket is ready, at most that long. True if there is something to read.
    pub(super) fn wait(&self, flags: PollFlags, time: Duration) -> Result<bool, SshError> {
        let mut fds = [PollFd::from_borrowed_fd(self.fd(), flags)];
        wait(&mut fds, time).map_err(|error| self.lost(&error.to_string()))?;
        Ok(fds[0].revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR))
    }

    /// Repeats an operation until it no longer would block.
    pub(super) fn drive<T>(
        &self,
        what: &'static str,
        deadline: Deadline,
        mut operation: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, SshError> {
        loop {
            match operation() {
                Ok(value) => return Ok(value),
                Err(error) if error.code() == ErrorCode::Session(EAGAIN) => {
                    let left = deadline.left(&self.clock);
                    if left.is_zero() {
                        return Err(SshError::TimedOut {
                            what: format!("{what} ({})", self.host),
                            limit: deadline.limit,
                        });
                    }
                    self.wait(self.wants(), left)?;
                }
                Err(error) => return Err(self.fault(what, &error)),
            }
        }
    }

    /// An operation that may have nothing to do: None. What it started to write is written first.
    pub(super) fn attempt<T>(
        &self,
        deadline: Deadline,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> Result<Option<T>, SshError> {
        loop {
            match operation() {
                Ok(value) => return Ok(Some(value)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.owes() {
                        return Ok(None);
                    }
                    let left = deadline.left(&self.clock);
                    if left.is_zero() {
                        return Err(self.lost(&format!("nothing could be written for {:?}", deadline.limit)));
                    }
                    self.wait(PollFlags::OUT, left)?;
                }
                Err(error) => return Err(self.lost(&error.to_string())),
            }
        }
    }

    pub(super) fn lost(&self, why: &str) -> SshError {
        SshError::Lost { host: self.host.clone(), why: sanitize::line(why) }
    }

    fn fault(&self, what: &'static str, error: &ssh2::Error) -> SshError {
        match error.code() {
            ErrorCode::Session(code) if CLOSED.contains(&code) => self.lost(&format!("{what}: {}", error.message())),
            _ => SshError::Protocol { what, why: sanitize::line(error.message()) },
        }
    }
}

/// Waits for some descriptors, at most that long. A signal does not make it fail.
pub(super) fn wait(fds: &mut [PollFd<'_>], time: Duration) -> io::Result<()> {
    // The longest that is waited at once; a longer wait is repeated.
    let time = time.min(Duration::from_secs(3600));
    let time = Timespec { tv_sec: time.as_secs().try_into().unwrap_or(3600), tv_nsec: time.subsec_nanos().into() };
    match poll(fds, Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
