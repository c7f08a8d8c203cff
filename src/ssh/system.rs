//! The `ssh` of this machine as the transport, for hosts that ours cannot reach: `ProxyCommand`, hardware tokens,
//! certificates of hosts. It reads its own configuration; each command is a connection of its own, unless that
//! configuration shares one (`ControlMaster`).

use super::error::SshError;
use super::target::{Target, UnknownKeys};
use super::transport::{Established, Exit, Say, Stream, TICK, Talk, Time, Transport};
use super::wire::{Deadline, wait};
use crate::base::env::Clock;
use crate::base::sanitize;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

/// `ssh` itself failed.
const FAILED: i32 = 255;
/// What it printed about that.
const KEPT: usize = 4096;

/// Commands through `ssh`.
pub(super) struct System {
    arguments: Vec<String>,
    vars: BTreeMap<String, String>,
    clock: Clock,
}

impl System {
    pub(super) fn new(target: &Target, vars: &BTreeMap<String, String>, clock: Clock) -> Result<Self, SshError> {
        if !target.pins.is_empty() {
            let why = "it cannot check the pinned host key: add the key to a file of known hosts instead".into();
            return Err(SshError::System { printed: why });
        }
        Ok(Self { arguments: arguments(target), vars: vars.clone(), clock })
    }

    fn start(&self, line: &str) -> Result<Child, SshError> {
        let mut command = Command::new("ssh");
        command.args(&self.arguments).arg(line).env_clear();
        // Our own secrets are no business of a program that a ProxyCommand may start.
        command.envs(self.vars.iter().filter(|(name, _)| !name.starts_with("KUBEWRIGHT_")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| SshError::System { printed: format!("it cannot be started: {error}") })
    }
}

/// Never asks anything; an unknown key stops it.
fn arguments(target: &Target) -> Vec<String> {
    let keys = match target.unknown_keys {
        UnknownKeys::Stop => "yes",
        UnknownKeys::Accept => "accept-new",
    };
    let mut arguments = Vec::new();
    if let Some(file) = &target.config_file {
        arguments.extend(["-F".to_owned(), file.display().to_string()]);
    }
    arguments.extend(["-T", "-o", "BatchMode=yes", "-o"].map(str::to_owned));
    arguments.push(format!("StrictHostKeyChecking={keys}"));
    for option in [
        format!("ConnectTimeout={}", target.connect_timeout.as_secs().max(1)),
        format!("ServerAliveInterval={}", target.keepalive.interval.as_secs()),
        format!("ServerAliveCountMax={}", target.keepalive.count),
        "ClearAllForwardings=yes".into(),
        "RemoteCommand=none".into(),
        "LogLevel=ERROR".into(),
    ] {
        arguments.extend(["-o".to_owned(), option]);
    }
    for key in target.identity_files.iter().filter(|_| target.identities_named) {
        arguments.extend(["-i".to_owned(), key.display().to_string()]);
    }
    if let Some(port) = target.typed_port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = &target.typed_user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(jump) = &target.typed_jump {
        arguments.extend(["-o".to_owned(), format!("ProxyJump={jump}")]);
    }
    arguments.extend(["--".to_owned(), target.alias.clone()]);
    arguments
}

impl Transport for System {
    fn exec(&mut self, line: &str, talk: &mut dyn Talk, time: Time) -> Result<Exit, SshError> {
        let mut child = self.start(line)?;
        let mut printed = Vec::new();
        let talked = converse(&mut child, talk, time, &self.clock, &mut printed);
        if !matches!(talked, Ok(ControlFlow::Continue(()))) {
            // Whether it is gone already does not matter.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| SshError::System { printed: error.to_string() })?;
        if talked?.is_break() {
            return Ok(Exit::Stopped);
        }
        match (status.code(), status.signal()) {
            (Some(FAILED), _) => Err(SshError::System { printed: sanitize::line(&String::from_utf8_lossy(&printed)) }),
            (Some(code), _) => Ok(Exit::Code(code)),
            (None, signal) => Ok(Exit::Signal(format!("{}", signal.unwrap_or_default()))),
        }
    }

    fn established(&self) -> Option<&Established> {
        None
    }
}

fn nonblocking(fd: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

/// Until both streams are closed, or it is stopped.
fn converse(
    child: &mut Child,
    talk: &mut dyn Talk,
    time: Time,
    clock: &Clock,
    printed: &mut Vec<u8>,
) -> Result<ControlFlow<()>, SshError> {
    let broken = |error: io::Error| SshError::System { printed: error.to_string() };
    let (mut stdout, mut stderr, mut stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
    for result in [stdout.as_ref().map(nonblocking), stderr.as_ref().map(nonblocking), stdin.as_ref().map(nonblocking)]
    {
        result.transpose().map_err(broken)?;
    }
    let whole = time.all.map(|limit| Deadline::after(clock, limit));
    let mut tick = Deadline::after(clock, TICK);
    let mut buffer = vec![0; 32 << 10];
    while stdout.is_some() || stderr.is_some() {
        let mut moved = false;
        for stream in [Stream::Stdout, Stream::Stderr] {
            let read = match stream {
                Stream::Stdout => read_some(&mut stdout, &mut buffer),
                Stream::Stderr => read_some(&mut stderr, &mut buffer),
            };
            let count = read.map_err(broken)?;
            if count > 0 {
                moved = true;
                if stream == Stream::Stderr && printed.len() < KEPT {
                    printed.extend_from_slice(&buffer[..count]);
                }
                if talk.heard(stream, &buffer[..count])?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        let mut full = false;
        if let Some(pipe) = &mut stdin {
            match talk.next() {
                Say::Nothing => {}
                Say::End => stdin = None,
                Say::Bytes(bytes) => match pipe.write(bytes) {
                    Ok(count) => {
                        moved = true;
                        talk.said(count);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => full = true,
                    // It no longer reads; how it ended says why.
                    Err(_) => stdin = None,
                },
            }
        }
        if tick.left(clock).is_zero() {
            tick = Deadline::after(clock, TICK);
            if talk.idle().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // A program that it started, such as a ProxyCommand, may keep its output open.
            if !moved && matches!(child.try_wait(), Ok(Some(_))) {
                return Ok(ControlFlow::Continue(()));
            }
        }
        if let Some(limit) = whole.filter(|whole| whole.left(clock).is_zero()).map(|whole| whole.limit) {
            return Err(SshError::TimedOut { what: "a command through 'ssh'".into(), limit });
        }
        if !moved {
            let mut fds: Vec<PollFd<'_>> = Vec::new();
            fds.extend(stdout.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
            fds.extend(stderr.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
            fds.extend(
                stdin.iter().filter(|_| full).map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::OUT)),
            );
            wait(&mut fds, tick.left(clock)).map_err(broken)?;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads what is there; at the end the pipe is closed.
fn read_some(pipe: &mut Option<impl Read>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(open) = pipe else { return Ok(0) };
    match open.read(buffer) {
        Ok(0) => {
            *pipe = None;
            Ok(0)
        }
        Ok(count) => Ok(count),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        Err(error) => Err(error),
    }
}
