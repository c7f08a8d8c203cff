//! The state shared by all commands: the process, the global options, and where output goes.

use super::args::Global;
use super::args::global::{EventFormat, Output};
use super::page::Page;
use super::screen::Screen;
use crate::base::env::Env;
use crate::base::events::{Events, Style};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::base::files::HostFiles;
use crate::base::gate::Gate;
use crate::base::output;
use crate::base::yaml;
use crate::config::{Documents, documents};
use crate::context::Context;
use crate::domain::paths::ADMIN_CONF;
use crate::host::lock::HostLock;
use crate::journal::unfinished;
use crate::report::{ChangeList, Paint};
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub struct Session {
    pub env: Env,
    pub global: Global,
    pub events: Events,
    /// The page of this run, if the user wants one.
    pub page: Option<Page>,
    /// Keeps other runs from changing the host until this one ends.
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
            io::ErrorKind::PermissionDenied => "run the command as a user with read permission, such as root".into(),
            io::ErrorKind::IsADirectory => "give a file, not a directory".into(),
            _ => format!("run 'stat {}'", self.name),
        })
    }
}

/// The newest version of kubeadm's output API.
pub const OUTPUT_API: &str = "output.kubeadm.k8s.io/v1alpha3";

/// More than any configuration needs; keeps a wrong path (a disk image, /dev/zero) from filling the memory.
pub const LONGEST_INPUT: u64 = 16 << 20;

impl Session {
    /// Takes over the process; progress goes to its standard error.
    pub fn new(mut env: Env, global: &Global) -> Self {
        let style = match (global.quiet, global.events) {
            (true, _) => Style::Quiet,
            (false, EventFormat::Json) => Style::Json,
            (false, EventFormat::Text) => Style::Lines,
        };
        let stderr = std::mem::replace(&mut env.stderr, Box::new(io::sink()));
        let events = if env.stderr_is_terminal && style == Style::Lines {
            let paint = Paint::new(true, env.vars.get("NO_COLOR").map(String::as_str));
            Events::new(Box::new(Screen::new(paint)))
        } else {
            Events::to_writer(stderr, style)
        };
        Self { env, global: global.clone(), events, page: None, lock: None }
    }

    /// Begins the page of this run; the words of the command line are shown in it.
    pub fn begin_page(&mut self, path: &Path, name: &'static str, words: &[OsString]) -> Result<()> {
        let path = self.env.cwd.join(path);
        self.page = Some(Page::begin(&path, name, words, &self.env.clock, &self.events)?);
        Ok(())
    }

    /// Writes the page of this run.
    pub fn end_page(&mut self, outcome: &Result<ExitCode>) -> Result<()> {
        let Some(page) = self.page.take() else { return Ok(()) };
        let path = page.write(outcome, &self.events)?;
        self.events.message(format!("the report is in {}", path.display()));
        Ok(())
    }

    /// Locks the host until this run ends. Other runs are refused and show `command` as the holder of the lock. A dry
    /// run needs no lock.
    pub fn hold_host(&mut self, command: &str, dry_run: bool) -> Result<()> {
        if self.lock.is_none() && !dry_run {
            let files = HostFiles::new(self.root(), Gate::open());
            self.lock = HostLock::take(&files, command, self.env.uid)?;
            if self.lock.is_some() {
                self.remove_unfinished(&files);
            }
        }
        Ok(())
    }

    /// Removes what interrupted runs left under hidden names.
    fn remove_unfinished(&self, files: &HostFiles) {
        let found = unfinished::remove(files);
        for path in found.removed {
            self.events.message(format!("removed {}, left by an interrupted run", path.display()));
        }
        for error in found.failed {
            self.events.warning(format!("{error}, which an interrupted run left: {}", error.source));
        }
    }

    /// The root directory of the host, as an absolute path.
    pub fn root(&self) -> PathBuf {
        self.env.cwd.join(&self.global.rootfs)
    }

    /// A context without a configuration. In a dry run its gate only records.
    pub fn context(&self, dry_run: bool) -> Context {
        let gate = if dry_run { Gate::recording() } else { Gate::open() };
        if dry_run {
            self.events.suppress();
        }
        if let Some(page) = &self.page {
            page.gate(&gate, dry_run);
        }
        Context::new(&self.env, self.events.clone(), HostFiles::new(self.root(), gate.clone()), gate)
    }

    /// Shows the cluster and the node of a run on the page, if there is one.
    pub fn shows(&self, cx: &Context) {
        if let Some(page) = &self.page {
            page.config(&cx.config);
        }
    }

    /// The kubeconfig used to access a running cluster: the given one, else the first existing file of KUBECONFIG (or
    /// `~/.kube/config` if that is unset), else admin.conf. A user's files are read from this machine, admin.conf from
    /// below the root directory.
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

    /// The content of a file named on the command line (`-` is standard input), and its name for messages.
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

    /// The documents of a configuration file; none if no file is given.
    pub fn documents(&mut self, path: Option<&Path>) -> Result<Documents> {
        let Some(path) = path else { return Ok(Documents::none()) };
        let (name, bytes) = self.read_input(path)?;
        Ok(documents::parse(&name, &bytes)?)
    }

    /// The colours of standard output.
    pub fn paint(&self) -> Paint {
        Paint::new(self.env.stdout_is_terminal, self.env.vars.get("NO_COLOR").map(String::as_str))
    }

    /// The plan of a dry run as text.
    pub fn plan(&self, changes: &ChangeList) -> String {
        changes.plan(self.global.verbosity, self.paint())
    }

    /// Prints a result: `text` for people, or `value` in the requested format.
    pub fn print<T: Serialize>(&mut self, value: &T, text: &str) -> Result<()> {
        self.events.flush();
        if let Some(page) = &self.page {
            page.closing(text);
        }
        let out = match self.global.output {
            Output::Text | Output::Short => text.to_owned(),
            Output::Yaml => yaml::to_string(value)?,
            Output::Json => serde_json::to_string_pretty(value).map_err(Unprintable)? + "\n",
        };
        self.print_text(&out)
    }

    /// Prints a list as kubeadm does: `text` for people, or one object after the other in the requested format.
    pub fn print_each<T: Serialize>(&mut self, values: &[T], text: &str) -> Result<()> {
        let mut out = Vec::new();
        for value in values {
            out.push(match self.global.output {
                Output::Text | Output::Short => break,
                Output::Yaml => yaml::to_string(value)?,
                Output::Json => serde_json::to_string_pretty(value).map_err(Unprintable)? + "\n",
            });
        }
        match self.global.output {
            Output::Text | Output::Short => self.print_text(text),
            Output::Yaml => self.print_text(&out.join("---\n")),
            Output::Json => self.print_text(&out.concat()),
        }
    }

    /// Prints text that has its own format, whatever `-o` says.
    pub fn print_text(&mut self, text: &str) -> Result<()> {
        self.events.flush();
        Ok(output::write(&mut self.env.stdout, text.as_bytes())?)
    }
}

/// A result without a JSON form: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result as JSON")]
struct Unprintable(#[source] serde_json::Error);

impl Fault for Unprintable {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}
