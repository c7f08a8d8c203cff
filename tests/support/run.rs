//! Runs the built binary like a user, and reads like the transcript of a terminal:
//!
//! ```ignore
//! Run::new(["token", "generate"]).finish().exit(ExitCode::Ok).stderr("");
//! ```
//!
//! The process gets no environment variables except those of the test, an empty current directory, and an empty
//! standard input unless the test sets one. In its output, the names of temporary directories are replaced by `[CWD]`
//! and `[ROOT]`.

use super::golden;
use kubewright::base::exit_code::ExitCode;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A command to run.
#[must_use]
pub struct Run {
    args: Vec<OsString>,
    stdin: Vec<u8>,
    vars: Vec<(String, String)>,
    cwd: TempDir,
    root: Option<String>,
}

/// How it ended.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    command_line: String,
}

impl Run {
    pub fn new<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Self {
        let cwd = tempfile::tempdir().unwrap();
        Self { args: args.into_iter().map(Into::into).collect(), stdin: Vec::new(), vars: Vec::new(), cwd, root: None }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds `--rootfs ROOT`.
    pub fn rootfs(mut self, root: &Path) -> Self {
        self.args.extend(["--rootfs".into(), root.into()]);
        self.root = Some(root.display().to_string());
        self
    }

    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    /// Writes a file to the current directory of the command.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.cwd.path().join(name), content).unwrap();
        self
    }

    #[track_caller]
    pub fn finish(self) -> Finished {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubewright"))
            .args(&self.args)
            .env_clear()
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .current_dir(self.cwd.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = self.stdin.clone();
        // From a thread of its own: a command that prints before it has read all would block both.
        // One that never reads has closed the pipe, which is not the test's concern.
        let writer = std::thread::spawn(move || drop(input.write_all(&text)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Finished {
            code: output.status.code().unwrap_or(-1),
            stdout: self.redact(&output.stdout),
            stderr: self.redact(&output.stderr),
            command_line: format!("{:?}", self.args),
        }
    }

    fn redact(&self, output: &[u8]) -> String {
        let text = String::from_utf8(output.to_vec()).expect("the output is UTF-8");
        let text = text.replace(&self.cwd.path().display().to_string(), "[CWD]");
        self.root.as_ref().map_or(text.clone(), |root| text.replace(root, "[ROOT]"))
    }
}

impl Finished {
    #[track_caller]
    pub fn exit(self, expected: ExitCode) -> Self {
        assert_eq!(self.code, expected as i32, "exit code, {self}");
        self
    }

    /// Compares the whole standard output.
    #[track_caller]
    pub fn stdout(self, expected: &str) -> Self {
        assert!(self.stdout == expected, "standard output, {self}\n--- expected\n{expected}");
        self
    }

    /// Compares the whole standard error.
    #[track_caller]
    pub fn stderr(self, expected: &str) -> Self {
        assert!(self.stderr == expected, "standard error, {self}\n--- expected\n{expected}");
        self
    }

    /// Compares the whole standard output with `tests/golden/NAME`.
    #[track_caller]
    pub fn stdout_is_golden(self, name: &str) -> Self {
        golden::check(&format!("tests/golden/{name}"), &self.stdout);
        self
    }

    /// Compares the whole standard error with `tests/golden/NAME`.
    #[track_caller]
    pub fn stderr_is_golden(self, name: &str) -> Self {
        golden::check(&format!("tests/golden/{name}"), &self.stderr);
        self
    }

    #[track_caller]
    pub fn stdout_has(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "standard output lacks {part:?}, {self}");
        self
    }

    #[track_caller]
    pub fn stderr_has(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "standard error lacks {part:?}, {self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, command_line } = self;
        write!(f, "{command_line} ended with {code}\n--- standard output\n{stdout}--- standard error\n{stderr}")
    }
}

#[test]
fn a_command_that_never_reads_its_input_does_not_block_the_test() {
    let finished = Run::new(["version"]).stdin(vec![b'x'; 1 << 20]).var("LANG", "C").finish();
    assert_ne!(finished.code, -1, "{finished}");
}
