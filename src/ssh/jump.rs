//! A jump host: one connection, in a thread of its own, that carries the streams of all hosts behind it.

use super::error::SshError;
use super::pulse::Pulse;
use super::socket::Socket;
use super::stream::Carried;
use super::target::Keepalive;
use super::wire::{Deadline, EAGAIN, Wire, wait};
use crate::base::env::Clock;
use crate::base::sanitize;
use rustix::event::{PollFd, PollFlags};
use ssh2::{Channel, ErrorCode};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the thread looks whether it is still needed.
const IDLE: Duration = Duration::from_secs(1);
/// For writing what is half written.
const PROMPTLY: Duration = Duration::from_secs(30);
/// libssh2: the host refused to open a channel.
const CHANNEL_FAILURE: i32 = -21;

/// A stream that is asked for.
struct Request {
    host: String,
    port: u16,
    answer: SyncSender<Result<UnixStream, SshError>>,
}

/// A connection to a jump host.
pub(super) struct Jump {
    /// As connected to, for messages.
    pub name: String,
    requests: Mutex<Sender<Request>>,
    wake: UnixStream,
    state: Arc<State>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    /// Why the connection is over.
    over: Mutex<Option<String>>,
    /// Since when a stream is being opened, by the monotonic clock. libssh2 opens one at a time, and a host that does not
    /// answer takes its time.
    opening: Mutex<Option<Duration>>,
}

impl Jump {
    /// Carries streams over an authenticated session from now on. `keep` is dropped with it: the jump host before this
    /// one, if there is one.
    pub(super) fn start(wire: Wire, keepalive: Keepalive, keep: Option<Arc<Jump>>) -> Result<Self, SshError> {
        let failed = |error: std::io::Error| SshError::Protocol { what: "starting a jump", why: error.to_string() };
        let (wake, woken) = UnixStream::pair().map_err(failed)?;
        for end in [&wake, &woken] {
            end.set_nonblocking(true).map_err(failed)?;
        }
        let (requests, asked) = channel();
        let state = Arc::new(State::default());
        let (name, clock) = (wire.host.clone(), wire.clock.clone());
        let mut carrier =
            Carrier { wire, keepalive, asked, woken, state: Arc::clone(&state), carried: Vec::new(), opening: None };
        std::thread::Builder::new()
            .name("ssh-jump".into())
            .spawn(move || {
                let why = carrier.carry().map_or_else(|error| error.to_string(), |()| "it is no longer needed".into());
                *carrier.state.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                drop(carrier);
                drop(keep);
            })
            .map_err(failed)?;
        Ok(Self { name, requests: Mutex::new(requests), wake, state, clock })
    }

    /// Why the connection is over; None while it is not.
    pub(super) fn over(&self) -> Option<String> {
        self.state.over.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if no other stream is being opened; the caller then is the one that does, with [`Jump::open`].
    pub(super) fn reserve(&self) -> bool {
        let mut opening = self.state.opening();
        let is_free = opening.is_none();
        if is_free {
            *opening = Some(self.clock.monotonic());
        }
        is_free
    }

    /// How long the stream that is being opened has been waited for.
    pub(super) fn waits(&self) -> Duration {
        let since = *self.state.opening();
        since.map_or(Duration::ZERO, |since| self.clock.monotonic().saturating_sub(since))
    }

    /// A stream to a host as the jump host reaches it, after [`Jump::reserve`].
    pub(super) fn open(&self, host: &str, port: u16, limit: Duration) -> Result<Socket, SshError> {
        let gone = || SshError::Lost { host: self.name.clone(), why: self.over().unwrap_or_else(|| "it ended".into()) };
        let (answer, answered) = sync_channel(1);
        let request = Request { host: host.to_owned(), port, answer };
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).send(request).map_err(|_| gone())?;
        // A full pipe means that the thread is awake.
        let _ = (&self.wake).write(&[0]);
        let start = self.clock.monotonic();
        match answered.recv_timeout(limit) {
            Ok(Ok(stream)) => Ok(Socket::Unix(stream)),
            Ok(Err(SshError::Forwarding { host, why, forbidden, .. })) => {
                Err(SshError::Forwarding { jump: self.name.clone(), host, why, forbidden })
            }
            Ok(Err(error)) => Err(error),
            Err(_) if self.clock.monotonic().saturating_sub(start) < limit => Err(gone()),
            Err(_) => Err(SshError::Forwarding {
                jump: self.name.clone(),
                host: format!("{host}:{port}"),
                why: format!("the host does not answer within {limit:?}"),
                forbidden: false,
            }),
        }
    }
}

impl State {
    fn opening(&self) -> std::sync::MutexGuard<'_, Option<Duration>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side.
struct Carrier {
    wire: Wire,
    keepalive: Keepalive,
    asked: Receiver<Request>,
    woken: UnixStream,
    state: Arc<State>,
    carried: Vec<Carried>,
    opening: Option<Request>,
}

impl Carrier {
    /// Until no request can come any more and no stream is left, or the connection is lost.
    fn carry(&mut self) -> Result<(), SshError> {
        let mut pulse = Pulse::new(self.keepalive, &self.wire.clock);
        loop {
            let more = self.take_requests();
            let mut moved = self.open()?;
            for carried in &mut self.carried {
                moved |= carried.advance(&self.wire, Deadline::after(&self.wire.clock, PROMPTLY))?;
            }
            self.carried.retain(|carried| !carried.is_done());
            if !more && self.carried.is_empty() && self.opening.is_none() {
                return Ok(());
            }
            if moved || self.rest(more)? {
                pulse.heard(&self.wire.clock);
            }
            pulse.beat(&self.wire)?;
        }
    }

    /// False once no request can come any more.
    fn take_requests(&mut self) -> bool {
        let _ = (&self.woken).read(&mut [0; 64]);
        if self.opening.is_some() {
            return true;
        }
        match self.asked.try_recv() {
            Ok(request) => {
                self.opening = Some(request);
                true
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => true,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => false,
        }
    }

    /// Goes on opening the stream that was asked for. True once it is done.
    fn open(&mut self) -> Result<bool, SshError> {
        let Some(Request { host, port, .. }) = &self.opening else { return Ok(false) };
        let opened = self.wire.session.channel_direct_tcpip(host, *port, None);
        let answer = match opened {
            Ok(channel) => self.hand_over(channel),
            Err(error) if error.code() == ErrorCode::Session(EAGAIN) => return Ok(false),
            Err(error) if error.code() == ErrorCode::Session(CHANNEL_FAILURE) => {
                let text = error.message();
                Err(SshError::Forwarding {
                    jump: self.wire.host.clone(),
                    host: format!("{host}:{port}"),
                    why: sanitize::line(text),
                    forbidden: text.contains("prohibited"),
                })
            }
            Err(error) => return Err(self.wire.lost(error.message())),
        };
        *self.state.opening() = None;
        if let Some(request) = self.opening.take() {
            // Who no longer waits has its error already.
            let _ = request.answer.send(answer);
        }
        Ok(true)
    }

    fn hand_over(&mut self, channel: Channel) -> Result<UnixStream, SshError> {
        let failed = |error: std::io::Error| SshError::Protocol { what: "starting a jump", why: error.to_string() };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        self.carried.push(Carried::new(channel, ours));
        Ok(theirs)
    }

    /// Waits until something can be done. True if the jump host sent something.
    fn rest(&self, more: bool) -> Result<bool, SshError> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.wire.fd(), self.wire.wants())];
        if more {
            fds.push(PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN));
        }
        fds.extend(self.carried.iter().filter_map(Carried::waits_for));
        wait(&mut fds, IDLE).map_err(|error| self.wire.lost(&error.to_string()))?;
        Ok(fds[0].revents().contains(PollFlags::IN))
    }
}
