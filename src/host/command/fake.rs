//! A host for tests: files below a temporary directory and programs with listed outputs.
//!
//! An unexpected command fails the test, which prints it.

use super::{Command, Host, Output, Runner};
use crate::base::env::Clock;
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::host::error::HostError;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct FakeHost {
    root: tempfile::TempDir,
    answers: Arc<Answers>,
}

/// The output of a command, given the host's root directory.
type Answer = Arc<dyn Fn(&Path) -> Output + Send + Sync>;

#[derive(Default)]
struct Answers {
    root: Mutex<PathBuf>,
    known: Mutex<BTreeMap<String, Answer>>,
    ran: Mutex<Vec<String>>,
}

impl FakeHost {
    /// A host with no files and no programs.
    pub fn new() -> Self {
        let this = Self { root: tempfile::tempdir().unwrap(), answers: Arc::default() };
        this.root.path().clone_into(&mut this.answers.root.lock().unwrap());
        this
    }

    /// The command succeeds and prints `stdout`. Its program is installed.
    pub fn on(self, command: &str, stdout: &str) -> Self {
        self.on_result(command, 0, stdout, "")
    }

    /// The command exits with `code`.
    pub fn on_result(self, command: &str, code: i32, stdout: &str, stderr: &str) -> Self {
        let output = Output { code: Some(code), stdout: stdout.into(), stderr: stderr.into() };
        self.on_computed(command, move |_| output.clone())
    }

    /// The output of the command depends on the current files of the host.
    pub fn on_computed(self, command: &str, answer: impl Fn(&Path) -> Output + Send + Sync + 'static) -> Self {
        let program = command.split(' ').next().unwrap();
        self.answers.known.lock().unwrap().insert(command.into(), Arc::new(answer));
        self.program(program)
    }

    /// A program that is installed but must not run: in /usr/bin, or at an absolute path. One that exists stays.
    pub fn program(self, program: &str) -> Self {
        let name = if program.starts_with('/') { program.to_owned() } else { format!("/usr/bin/{program}") };
        let path = self.root.path().join(name.trim_start_matches('/'));
        let this = if path.exists() { self } else { self.file(&name, "") };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        this
    }

    /// A file with this content.
    pub fn file(self, path: &str, content: &str) -> Self {
        let path = self.root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A host booted with systemd.
    pub fn systemd(self) -> Self {
        std::fs::create_dir_all(self.root.path().join("run/systemd/system")).unwrap();
        self.program("systemctl")
    }

    /// The directory that is the host's `/`.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The host; changes are applied.
    pub fn live(&self) -> Host {
        self.host(Gate::open())
    }

    /// The host; changes are only recorded.
    pub fn dry(&self) -> Host {
        self.host(Gate::recording())
    }

    /// Every command that ran, in order.
    pub fn ran(&self) -> Vec<String> {
        self.answers.ran.lock().unwrap().clone()
    }

    fn host(&self, gate: Gate) -> Host {
        let files = HostFiles::new(self.root.path(), gate.clone());
        let runner: Arc<dyn Runner> = Arc::clone(&self.answers) as Arc<dyn Runner>;
        Host::with_runner(files, gate, Clock::fixed(1_700_000_000), runner)
    }
}

impl Runner for Answers {
    fn run(&self, _: &Path, command: &Command, _: Duration) -> Result<Output, HostError> {
        let shown = command.shown();
        let stdin = if command.stdin().is_empty() { String::new() } else { format!(" <<<\n{}", command.stdin()) };
        self.ran.lock().unwrap().push(format!("{shown}{stdin}"));
        let answer = self.known.lock().unwrap().get(&shown).cloned();
        let answer = answer.unwrap_or_else(|| panic!("unexpected command: {shown}"));
        let root = self.root.lock().unwrap().clone();
        Ok(answer(&root))
    }
}
