//! Runs one command: reads both of its streams in turn, so that neither fills up, while it writes its input.

use super::error::SshError;
use super::pulse::Pulse;
use super::target::Keepalive;
use super::transport::{Exit, Say, Stream, TICK, Talk, Time};
use super::wire::{Deadline, Wire};
use ssh2::Channel;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::time::Duration;

/// For what the host answers at once if it is alive.
const PROMPTLY: Duration = Duration::from_secs(30);
/// For the end of a channel of a command that is over, or was stopped.
const CLOSING: Duration = Duration::from_secs(5);
/// Read from one stream before the other gets its turn.
const PIECE: usize = 32 << 10;

/// Runs `line` in the login shell.
pub(super) fn run(
    wire: &Wire,
    keepalive: Keepalive,
    line: &str,
    talk: &mut dyn Talk,
    time: Time,
) -> Result<Exit, SshError> {
    let prompt = || Deadline::after(&wire.clock, PROMPTLY);
    let mut channel = open(wire)?;
    wire.drive("running a command", prompt(), || channel.exec(line))?;
    let whole = time.all.map(|limit| Deadline::after(&wire.clock, limit));
    match converse(wire, keepalive, &mut channel, talk, whole)? {
        ControlFlow::Continue(()) => ended(wire, &mut channel),
        ControlFlow::Break(()) => {
            // The program may not notice; the channel is given up either way.
            let _ = wire.drive("closing a channel", Deadline::after(&wire.clock, CLOSING), || channel.close());
            Ok(Exit::Stopped)
        }
    }
}

/// Opens a channel. A host that allows one session at a time takes a moment to see that the last one is over.
fn open(wire: &Wire) -> Result<Channel, SshError> {
    let patience = Deadline::after(&wire.clock, CLOSING);
    loop {
        let deadline = Deadline::after(&wire.clock, PROMPTLY);
        match wire.drive("opening a channel", deadline, || wire.session.channel_session()) {
            Err(SshError::Protocol { .. }) if !patience.left(&wire.clock).is_zero() => {
                wire.clock.sleep(Duration::from_millis(50));
            }
            outcome => return outcome,
        }
    }
}

/// Until the command closed its output, or is stopped.
fn converse(
    wire: &Wire,
    keepalive: Keepalive,
    channel: &mut Channel,
    talk: &mut dyn Talk,
    whole: Option<Deadline>,
) -> Result<ControlFlow<()>, SshError> {
    let mut pulse = Pulse::new(keepalive, &wire.clock);
    let mut tick = Deadline::after(&wire.clock, TICK);
    let mut closed_input = false;
    let mut buffer = vec![0; PIECE];
    let write_limit = keepalive.interval.saturating_mul(keepalive.count.max(1)).max(PROMPTLY);
    loop {
        let mut moved = false;
        for stream in [Stream::Stdout, Stream::Stderr] {
            let soon = Deadline::after(&wire.clock, write_limit);
            let read = match stream {
                Stream::Stdout => wire.attempt(soon, || channel.read(&mut buffer))?,
                Stream::Stderr => wire.attempt(soon, || channel.stderr().read(&mut buffer))?,
            };
            if let Some(count @ 1..) = read {
                moved = true;
                pulse.heard(&wire.clock);
                if talk.heard(stream, &buffer[..count])?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        if !closed_input {
            let soon = Deadline::after(&wire.clock, write_limit);
            match talk.next() {
                Say::Nothing => {}
                // While the window is closed, the host is read instead.
                Say::Bytes(bytes) => {
                    if let Some(count @ 1..) = wire.attempt(soon, || channel.write(bytes))? {
                        moved = true;
                        talk.said(count);
                    }
                }
                Say::End => {
                    closed_input = wire.attempt(soon, || Ok(channel.send_eof()?))?.is_some();
                }
            }
        }
        if !moved && channel.eof() {
            return Ok(ControlFlow::Continue(()));
        }
        if tick.left(&wire.clock).is_zero() {
            tick = Deadline::after(&wire.clock, TICK);
            if talk.idle().is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if let Some(limit) = whole.filter(|whole| whole.left(&wire.clock).is_zero()).map(|whole| whole.limit) {
            return Err(SshError::TimedOut { what: format!("a command on {}", wire.host), limit });
        }
        if !moved {
            let left = whole.map_or(TICK, |whole| whole.left(&wire.clock));
            if wire.wait(wire.wants(), left.min(tick.left(&wire.clock)))? {
                pulse.heard(&wire.clock);
            }
            pulse.beat(wire)?;
        }
    }
}

/// The exit code or signal of a command whose output is read.
fn ended(wire: &Wire, channel: &mut Channel) -> Result<Exit, SshError> {
    let soon = || Deadline::after(&wire.clock, CLOSING);
    wire.drive("closing a channel", soon(), || channel.close())?;
    wire.drive("waiting for the end of a command", soon(), || channel.wait_close())?;
    // With a signal the exit code is 0.
    if let Ok(signal) = channel.exit_signal()
        && let Some(name) = signal.exit_signal
    {
        return Ok(Exit::Signal(crate::base::sanitize::line(&name)));
    }
    let code = channel.exit_status();
    code.map(Exit::Code).map_err(|error| wire.lost(error.message()))
}
