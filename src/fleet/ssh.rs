//! Hosts over SSH: connects, becomes root, and puts this program there, once per content.

use super::reach::{Reach, privilege};
use super::remote::{Connect, Ran, Remote};
use crate::base::env::Clock;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::gate::Gate;
use crate::base::secret::Secret;
use crate::config::cluster::HostEntry;
use crate::ssh::{Connector, Exit, Host, Limits, RemoteCommand, Sink, Stream, Target};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// The end of standard error that is kept.
const KEPT: usize = 64 << 10;
/// The longest line of standard output; a longer one is cut, so that a host cannot fill the memory.
const LONGEST_LINE: usize = 16 << 20;
/// What one command may print.
const OUTPUT: u64 = 256 << 20;

/// An answer that came faster is one of the server.
const QUICK: Duration = Duration::from_secs(2);

/// A host for which this machine has no program.
#[derive(Debug, thiserror::Error)]
#[error("the host is {arch}, and this program is for {own}")]
pub struct OtherArchitecture {
    arch: String,
    own: &'static str,
}

impl Fault for OtherArchitecture {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!("give the program for it with --program {}=FILE", self.arch))
    }
}

/// The password of sudo, asked for once; None if it cannot be.
pub type Password = dyn Fn() -> Option<Secret<String>> + Sync + Send;

/// Connects to hosts over SSH.
pub struct OverSsh {
    pub reach: Reach,
    pub connector: Connector,
    pub gate: Gate,
    pub clock: Clock,
    /// The programs by the architecture that they run on, as the kernel names it.
    pub programs: BTreeMap<String, Vec<u8>>,
    pub password: Box<Password>,
}

impl OverSsh {
    /// Connects, and once more if the server sent the first attempt away: it may have too many logins at once. A host that
    /// is silent is not waited for here, so that one is not the time that all others take.
    fn open(&self, target: &Target) -> Result<Host> {
        let begin = self.clock.monotonic();
        match self.connector.connect(target) {
            Err(error) if error.retryable() && self.clock.monotonic().saturating_sub(begin) < QUICK => {
                self.clock.sleep(QUICK);
                Ok(self.connector.connect(target)?)
            }
            other => Ok(other?),
        }
    }
}

impl Connect for OverSsh {
    fn connect(&self, entry: &HostEntry) -> Result<Box<dyn Remote>> {
        let target = self.reach.target(entry)?;
        let mut host = self.open(&target)?;
        host.become_root(privilege(entry), &mut || (self.password)())?;
        let arch = host.facts()?.architecture;
        let program = self.programs.get(&arch).ok_or(OtherArchitecture { arch, own: std::env::consts::ARCH })?;
        let uploaded = host.upload(&self.gate, program)?;
        let path = uploaded.map_or_else(|| "kubewright".to_owned(), |uploaded| uploaded.path);
        Ok(Box::new(SshRemote { host, path }))
    }
}

struct SshRemote {
    host: Host,
    /// This program on the host.
    path: String,
}

impl Remote for SshRemote {
    fn run(&mut self, words: &[&str], input: &[u8], line: &mut dyn FnMut(&str) -> bool) -> Result<Ran> {
        let command = RemoteCommand::new(&self.path).args(words.iter().copied());
        let mut lines = Lines { line, rest: Vec::new(), stderr: Vec::new() };
        let exit = self.host.run_as_root(&command, input, &mut lines, Limits { time: None, output: OUTPUT })?;
        if !lines.rest.is_empty() {
            let rest = std::mem::take(&mut lines.rest);
            (lines.line)(&String::from_utf8_lossy(&rest));
        }
        let code = match exit {
            Exit::Code(code) => code,
            Exit::Signal(_) | Exit::Stopped => -1,
        };
        Ok(Ran { code, stderr: String::from_utf8_lossy(&lines.stderr).into_owned() })
    }
}

/// Splits output into lines.
struct Lines<'a> {
    line: &'a mut dyn FnMut(&str) -> bool,
    rest: Vec<u8>,
    stderr: Vec<u8>,
}

impl Sink for Lines<'_> {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        if stream == Stream::Stderr {
            self.stderr.extend_from_slice(bytes);
            let excess = self.stderr.len().saturating_sub(KEPT);
            self.stderr.drain(..excess);
            return ControlFlow::Continue(());
        }
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = bytes.split_at(end);
            self.rest.extend_from_slice(head);
            bytes = tail.get(1..).unwrap_or_default();
            let line = std::mem::take(&mut self.rest);
            if !(self.line)(&String::from_utf8_lossy(&line)) {
                return ControlFlow::Break(());
            }
        }
        if self.rest.len() + bytes.len() > LONGEST_LINE {
            return ControlFlow::Break(());
        }
        self.rest.extend_from_slice(bytes);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_split_into_lines_wherever_packets_end() {
        let mut seen = Vec::new();
        let mut line = |text: &str| {
            seen.push(text.to_owned());
            text != "stop"
        };
        let mut lines = Lines { line: &mut line, rest: Vec::new(), stderr: Vec::new() };
        for packet in ["a", "b\nc\n\nd", "\nstop\nnever\n"] {
            let flow = lines.output(Stream::Stdout, packet.as_bytes());
            assert_eq!(flow.is_break(), packet.contains("stop"));
        }
        assert!(lines.output(Stream::Stdout, &vec![b'x'; LONGEST_LINE + 1]).is_break());
        let _ = lines.output(Stream::Stderr, &vec![b'y'; KEPT + 10]);
        assert_eq!(lines.stderr.len(), KEPT);
        assert_eq!(seen, ["ab", "c", "", "d", "stop"]);
    }
}
