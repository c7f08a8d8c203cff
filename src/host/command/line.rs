//! A program with its arguments, and its result.

use std::time::Duration;

/// A program and its arguments, to be run without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub(super) words: Vec<String>,
    pub(super) limit: Option<Duration>,
    stdin: String,
}

impl Command {
    /// `words` are the program and its arguments. They must not contain secrets: every user of the host can read the
    /// arguments of a running program.
    pub fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect(), limit: None, stdin: String::new() }
    }

    /// The same command with a text to read on its standard input, which is empty otherwise.
    #[must_use]
    pub fn reading(mut self, text: impl Into<String>) -> Self {
        self.stdin = text.into();
        self
    }

    /// The same command with its own time limit.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The arguments.
    pub fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// What it reads on its standard input.
    pub fn stdin(&self) -> &str {
        &self.stdin
    }

    /// The command as a person would type it.
    pub fn shown(&self) -> String {
        self.words.join(" ")
    }
}

/// The result of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The exit code; None if a signal killed it.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Output {
    /// True if the command exited with code 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}
