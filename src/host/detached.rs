//! Starts this program again so that it outlives the connection that asked for it.
//!
//! Where systemd runs the host, the process gets a scope of its own: the end of a login session would otherwise end it on
//! hosts that are set up so. The process itself starts a new session (see [`leave_session`]).

use super::command::Host;
use super::error::HostError;
use super::service::{InitSystem, Services};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program that was started.
pub struct Started {
    child: Child,
}

impl Started {
    /// True once the process has ended without success, so that it never began its work.
    pub fn has_failed(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if !status.success())
    }
}

/// Starts `program` with `arguments`, and passes it `input`. `scoped`: in a scope of systemd; None if this host has none.
pub fn start(
    host: &Host,
    program: &Path,
    arguments: &[String],
    input: &[u8],
    scoped: bool,
) -> Result<Option<Started>, HostError> {
    let mut command = Command::new(program);
    if scoped {
        let systemd = Services::of(host).init_system() == InitSystem::Systemd;
        let Some(run) = host.find("systemd-run").filter(|_| systemd) else { return Ok(None) };
        command = Command::new(run);
        command.args(["--scope", "--quiet", "--"]).arg(program);
    }
    let shown = || format!("{} {}", program.display(), arguments.join(" "));
    let mut child = command
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| HostError::NotStarted { command: shown(), source })?;
    if let Some(mut pipe) = child.stdin.take() {
        // A process that has ended does not read; its caller notices that it has not begun.
        let _ = pipe.write_all(input);
    }
    Ok(Some(Started { child }))
}

/// Makes this process independent of the terminal and session that started it.
pub fn leave_session() {
    // A process that leads a session already is independent.
    let _ = rustix::process::setsid();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::env::Clock;
    use crate::base::files::HostFiles;
    use crate::base::gate::Gate;
    use std::collections::BTreeMap;

    #[test]
    fn a_process_that_cannot_begin_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let gate = Gate::open();
        let host = Host::new(&BTreeMap::new(), Clock::system(), HostFiles::new(root.path(), gate.clone()), gate);
        let mut started = start(&host, Path::new("/bin/false"), &[], b"x", false).unwrap().unwrap();
        while !started.has_failed() {
            std::thread::yield_now();
        }
        assert!(start(&host, Path::new("/bin/true"), &[], b"", true).unwrap().is_none(), "no systemd below this root");
    }
}
