//! Local commands: the only code that starts programs on this host.
//!
//! Reads: the search path, and what programs print. Writes: nothing itself; a command that changes
//! the host passes the gate, which in a dry run records it instead.

use super::error::HostError;
use crate::base::env::Clock;
use crate::base::files::HostFiles;
use crate::base::gate::{Change, Gate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod process;

#[cfg(test)]
pub(crate) mod fake;
mod line;

pub use line::{Command, Output};
pub use process::Processes;

/// Enough for every read-only command; `systemctl` answers in milliseconds.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// A service may take its `TimeoutStartSec` (90 s by default) before systemd gives up.
const CHANGE_LIMIT: Duration = Duration::from_mins(2);
/// Directories of administration tools that are often missing from a user's PATH.
const SYSTEM_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Starts programs. Tests replace it with a fake host.
pub trait Runner: Send + Sync {
    /// Runs `program` (a full path of this machine) and waits for it, at most `limit`.
    fn run(&self, program: &Path, command: &Command, limit: Duration) -> Result<Output, HostError>;
}

/// A host: its files and, on the running machine, its programs. Clones share the gate.
#[derive(Clone)]
pub struct Host {
    pub files: HostFiles,
    /// Every change passes it.
    pub gate: Gate,
    runner: Option<Arc<dyn Runner>>,
    path: Vec<PathBuf>,
    /// The clock that waits and ages are measured with.
    pub clock: Clock,
}

impl Host {
    /// The host whose files are `files`. Programs are found on the PATH of `vars` and in the system's
    /// directories, and run only when the files are those of this running machine.
    pub fn new(vars: &BTreeMap<String, String>, clock: Clock, files: HostFiles, gate: Gate) -> Self {
        let runner: Option<Arc<dyn Runner>> = if files.is_live() { Some(Arc::new(Processes::new(vars))) } else { None };
        let path = vars.get("PATH").map(String::as_str).unwrap_or_default();
        Self { files, gate, runner, path: search_path(path), clock }
    }

    /// A host whose programs `runner` replaces, in any root directory; for tests.
    pub fn with_runner(files: HostFiles, gate: Gate, clock: Clock, runner: Arc<dyn Runner>) -> Self {
        Self { files, gate, runner: Some(runner), path: search_path(""), clock }
    }

    /// True when commands can run on it.
    pub fn is_live(&self) -> bool {
        self.runner.is_some()
    }

    /// The path of a program on the host; None when it is not on the search path.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        if program.starts_with('/') {
            return Some(PathBuf::from(program)).filter(|path| self.is_executable(path));
        }
        self.path.iter().map(|directory| directory.join(program)).find(|path| self.is_executable(path))
    }

    /// Runs a read-only command and returns its output, whatever its exit code.
    pub fn read(&self, command: &Command) -> Result<Output, HostError> {
        self.run(command, command.limit.unwrap_or(READ_LIMIT))
    }

    /// Runs a read-only command and returns its standard output.
    pub fn read_text(&self, command: &Command) -> Result<String, HostError> {
        let output = self.read(command)?;
        if output.is_success() { Ok(output.stdout) } else { Err(HostError::failed(command, output)) }
    }

    /// Runs a command that changes the host, through the gate; `what` describes the
    /// purpose. None: a dry run recorded it.
    pub fn change(&self, what: &str, command: &Command) -> Result<Option<Output>, HostError> {
        let change = Change::Run { what: what.into(), command: command.words.clone() };
        self.gate.pass(change, || {
            let output = self.run(command, command.limit.unwrap_or(CHANGE_LIMIT))?;
            if output.is_success() { Ok(output) } else { Err(HostError::failed(command, output)) }
        })
    }

    fn run(&self, command: &Command, limit: Duration) -> Result<Output, HostError> {
        let Some(runner) = &self.runner else {
            return Err(HostError::NotLive { root: self.files.root().to_path_buf(), command: command.shown() });
        };
        let program =
            self.find(command.program()).ok_or_else(|| HostError::NoProgram { program: command.program().into() })?;
        runner.run(&program, command, limit)
    }

    fn is_executable(&self, path: &Path) -> bool {
        let is_file = self.files.real(path).is_ok_and(|real| real.is_file());
        is_file && self.files.mode(path).is_some_and(|mode| mode & 0o111 != 0)
    }
}

/// The directories of a `PATH` value, then those of the system.
fn search_path(path: &str) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    // With a relative directory, the current directory would decide what runs as root.
    for directory in path.split(':').filter(|f| f.starts_with('/')).chain(SYSTEM_DIRECTORIES) {
        let directory = PathBuf::from(directory);
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories
}

#[cfg(test)]
mod tests {
    use super::fake::FakeHost;
    use super::*;

    #[test]
    fn a_dry_run_records_a_command_and_does_not_run_it() {
        let fake = FakeHost::new();
        let host = fake.dry();
        let done = host.change("start the kubelet", &Command::new(["systemctl", "start", "kubelet"])).unwrap();
        assert!(done.is_none());
        assert_eq!(host.gate.count(), 1);
    }

    #[test]
    fn a_failed_command_shows_the_first_lines_of_its_error_and_keeps_the_rest() {
        let long = format!("modprobe: FATAL: Module nope not found\n{}", "x".repeat(5000));
        let fake = FakeHost::new().on_result("modprobe nope", 1, "", &long);
        let error = fake.live().change("load nope", &Command::new(["modprobe", "nope"])).unwrap_err();
        assert!(error.to_string().starts_with("'modprobe nope' failed (exit code 1): modprobe: FATAL: Module nope"));
        assert!(error.to_string().len() < 400, "{error}");
        let HostError::Failed { output, .. } = error else { panic!("another error") };
        assert_eq!(output.stderr, long);
    }

    #[test]
    fn a_host_in_a_root_directory_runs_nothing() {
        let root = tempfile::tempdir().unwrap();
        let gate = Gate::open();
        let host = Host::new(&BTreeMap::new(), Clock::fixed(0), HostFiles::new(root.path(), gate.clone()), gate);
        assert!(matches!(host.read(&Command::new(["uname"])), Err(HostError::NotLive { .. })));
    }

    #[test]
    fn relative_directories_of_the_path_are_ignored() {
        assert!(!search_path(".:bin:/opt/bin").iter().any(|f| f.is_relative()));
        assert_eq!(search_path("/sbin:/opt/bin")[..2], [PathBuf::from("/sbin"), PathBuf::from("/opt/bin")]);
    }
}
