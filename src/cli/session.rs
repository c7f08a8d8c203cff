//! What every command starts with: the process, the global options, and where to print.

use super::args::Global;
use super::args::global::{EventFormat, Output};
use super::screen::Screen;
use crate::base::env::Env;
use crate::base::events::{Events, Style};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::base::yaml;
use crate::config::{Documents, documents};
use crate::context::access::ADMIN_CONF;
use crate::context::{Context, Task};
use crate::host::lock::HostLock;
use serde::Serialize;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// See the module's text.
pub struct Session {
    /// The process.
    pub env: Env,
    /// The options of every command.
    pub global: Global,
    /// Where progress is told.
    pub events: Events,
    /// Keeps other runs off the host until this one ends.
    lock: Option<HostLock>,
}

/// Standard input or a file named on the command line cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {name}")]
pub struct Unreadable {
    name: String,
    #[source]
    source: io::Error,
}

impl Fault for Unreadable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self.source.kind() {
            io::ErrorKind::NotFound => format!("check the path: run 'ls -la {}'", self.name),
            io::ErrorKind::PermissionDenied => "run the command as a user who may read it, such as root".into(),
            io::ErrorKind::IsADirectory => "give a file, not a folder".into(),
            _ => format!("run 'stat {}'", self.name),
        })
    }
}

/// More than any configuration needs; keeps a wrong path (a disk image, /dev/zero) from filling the memory.
const LONGEST_INPUT: u64 = 16 << 20;

impl Session {
    /// Takes the process over; progress goes to its standard error.
    pub fn new(mut env: Env, global: &Global) -> Self {
        let style = match (global.quiet, global.events) {
            (true, _) => Style::Quiet,
            (false, EventFormat::Json) => Style::Json,
            (false, EventFormat::Text) => Style::Lines,
        };
        let stderr = std::mem::replace(&mut env.stderr, Box::new(io::sink()));
        let events = if env.stderr_is_terminal && style == Style::Lines {
            Events::new(Box::new(Screen::new()))
        } else {
            Events::to_writer(stderr, style)
        };
        Self { env, global: global.clone(), events, lock: None }
    }

    /// Keeps other runs from changing this host until this one ends; `command` tells them who does. A dry run changes
    /// nothing and needs no lock.
    ///
    /// # Errors
    /// When another run changes it.
    pub fn hold_host(&mut self, command: &str, dry_run: bool) -> Result<()> {
        if self.lock.is_none() && !dry_run {
            self.lock = HostLock::take(&HostFiles::new(self.root(), Gate::open()), command, self.env.uid)?;
        }
        Ok(())
    }

    /// The folder that is the host's root, as an absolute path.
    pub fn root(&self) -> PathBuf {
        self.env.cwd.join(&self.global.rootfs)
    }

    /// A context for a task; `dry_run` decides what the gate does.
    pub fn context(&self, task: Task, dry_run: bool) -> Context {
        let gate = if dry_run { Gate::recording() } else { Gate::open() };
        if dry_run {
            self.events.hush();
        }
        Context::new(&self.env, self.events.clone(), HostFiles::new(self.root(), gate.clone()), gate, task)
    }

    /// The kubeconfig with which a running cluster is entered: the one that was given, else the first that is there
    /// of those in KUBECONFIG (or `~/.kube/config` without that variable) and the administrator's on a control
    /// plane. Files of a user are looked for on this machine, admin.conf below the root folder.
    pub fn kubeconfig(&self, given: Option<&Path>) -> PathBuf {
        if let Some(given) = given {
            return self.env.cwd.join(given);
        }
        let named = self.env.vars.get("KUBECONFIG").filter(|list| !list.is_empty());
        let mine = match named {
            Some(list) => list.split(':').filter(|path| !path.is_empty()).map(|path| self.env.cwd.join(path)).collect(),
            None => self.env.vars.get("HOME").map(|home| Path::new(home).join(".kube/config")).into_iter().collect(),
        };
        let mine: Vec<PathBuf> = if self.root() == Path::new("/") { mine } else { Vec::new() };
        mine.into_iter().find(|path| path.is_file()).unwrap_or_else(|| ADMIN_CONF.into())
    }

    /// The bytes of a file named on the command line, `-` being standard input, and its name for messages.
    pub fn read_input(&mut self, path: &Path) -> Result<(String, Vec<u8>)> {
        let mut bytes = Vec::new();
        if path == Path::new("-") {
            let name = "standard input".to_owned();
            let read = self.env.stdin.by_ref().take(LONGEST_INPUT).read_to_end(&mut bytes);
            return read.map(|_| (name.clone(), bytes)).map_err(|source| Unreadable { name, source }.into());
        }
        let name = path.display().to_string();
        std::fs::File::open(self.env.cwd.join(path))
            .and_then(|file| file.take(LONGEST_INPUT).read_to_end(&mut bytes))
            .map_err(|source| Unreadable { name: name.clone(), source })?;
        Ok((name, bytes))
    }

    /// The documents of a configuration file; none where no file is named.
    pub fn documents(&mut self, path: Option<&Path>) -> Result<Documents> {
        let Some(path) = path else { return Ok(Documents::none()) };
        let (name, bytes) = self.read_input(path)?;
        Ok(documents::parse(&name, &bytes)?)
    }

    /// Prints a result: `text` for people, or `value` in the format that was asked for.
    pub fn print<T: Serialize>(&mut self, value: &T, text: &str) -> Result<()> {
        self.events.settle();
        let out = match self.global.output {
            Output::Text | Output::Short => text.to_owned(),
            Output::Yaml => yaml::to_string(value)?,
            Output::Json => serde_json::to_string_pretty(value).map_err(Unprintable)? + "\n",
        };
        self.print_text(&out);
        Ok(())
    }
}

impl Session {
    /// Prints text that has a form of its own, whatever format was asked for.
    pub fn print_text(&mut self, text: &str) {
        self.events.settle();
        // A reader that went away is no error.
        let _ = self.env.stdout.write_all(text.as_bytes()).and_then(|()| self.env.stdout.flush());
    }
}

/// A result that has no JSON form: a fault of this build.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result as JSON")]
struct Unprintable(#[source] serde_json::Error);

impl Fault for Unprintable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}
