//! `--report`: collects what a run does and shows, and writes it as one page when the run ends, also when it fails.
//!
//! Reads: the beginning of an existing file, to see whether it is such a page. Writes: the page, with mode 0600, as a whole. The
//! file is begun under a hidden name before the run, so that a path that cannot be written stops it before it changes anything.

use super::given_secrets;
use crate::base::env::Clock;
use crate::base::events::Events;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::files::{FileError, HostFiles, Unfinished};
use crate::base::gate::Gate;
use crate::base::masked;
use crate::base::record::Recorder;
use crate::base::shell_word::shell_word;
use crate::config::model::{ClusterConfig, NodeConfig};
use crate::context::Config;
use crate::report::ChangeList;
use crate::report::error_text::ErrorText;
use crate::report::html::{self, Ending, Fact, GENERATOR, HostLine, Run};
use crate::state::status::Status;
use crate::versions::Version;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const MODE: u32 = 0o600;
/// A page says within so many bytes what it is.
const HEAD: u64 = 512;

/// A file for the page that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("{} is a directory, and the report is a file", .0.display())]
    Directory(PathBuf),
    #[error("{} already exists, is not a report of kubewright, and is not replaced", .0.display())]
    Foreign(PathBuf),
    #[error("the report cannot be written; what the command did is done")]
    NotWritten(#[source] FileError),
}

impl Fault for PageError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Directory(path) => {
                Some(format!("name a file in it: --report {}", path.join("report.html").display()))
            }
            Self::Foreign(_) => Some("name another file".into()),
            Self::NotWritten(error) => error.hint(),
        }
    }
}

/// The page of the run in progress.
pub struct Page {
    file: Unfinished,
    path: PathBuf,
    /// A page is there, which this one replaces.
    replaces: bool,
    name: &'static str,
    command: String,
    began: i64,
    recorder: Arc<Recorder>,
    gates: Mutex<Vec<Gate>>,
    collected: Mutex<Collected>,
}

/// What the command has said of itself.
#[derive(Default)]
struct Collected {
    host: Option<String>,
    cluster: Option<String>,
    kubernetes: Option<String>,
    /// The version before an upgrade.
    before: Option<String>,
    is_planned: bool,
    closing: String,
    hosts: Vec<HostLine>,
    /// What is to be said beside what is done on each host.
    remarks: String,
    status: Option<Status>,
}

impl Page {
    /// Begins the page of a command, and records its events from now on. `words` are the command line.
    pub fn begin(path: &Path, name: &'static str, words: &[OsString], clock: &Clock, events: &Events) -> Result<Self> {
        let files = HostFiles::new("/", Gate::open());
        let replaces = is_replaceable(&files, path)?;
        let file = files.begin(path, MODE)?;
        let recorder = Recorder::new(clock.clone());
        recorder.listen(events);
        Ok(Self {
            file,
            path: path.into(),
            replaces,
            name,
            command: events.masked(&as_typed(words)),
            began: clock.now(),
            recorder,
            gates: Mutex::default(),
            collected: Mutex::default(),
        })
    }

    pub fn recorder(&self) -> Arc<Recorder> {
        Arc::clone(&self.recorder)
    }

    /// A gate whose changes the page shows, planned ones in a dry run.
    pub fn gate(&self, gate: &Gate, dry_run: bool) {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).push(gate.clone());
        self.collected().is_planned |= dry_run;
    }

    /// The cluster and the node of the run, as far as they are configured.
    pub fn config(&self, config: &Config) {
        if let Some(node) = &config.node {
            self.collected().take(config.cluster.as_ref(), node);
        }
    }

    /// The version before an upgrade.
    pub fn upgrade(&self, before: &Version) {
        let mut collected = self.collected();
        // Of several upgrades in one run, the first one began there.
        let before = collected.before.get_or_insert_with(|| before.to_string()).clone();
        collected.kubernetes = match collected.kubernetes.take() {
            Some(to) if to != before => Some(format!("{before} to {to}")),
            same => same,
        };
    }

    /// The cluster that was found.
    pub fn cluster(&self, server: &str) {
        self.collected().cluster = Some(server.into());
    }

    /// The last text of the command.
    pub fn closing(&self, text: &str) {
        text.clone_into(&mut self.collected().closing);
    }

    /// What is planned for many hosts, or how it ended.
    pub fn hosts(&self, lines: Vec<HostLine>, is_planned: bool) {
        let mut collected = self.collected();
        collected.hosts = lines;
        collected.is_planned = is_planned;
    }

    /// What was found beside what is done on each host.
    pub fn remarks(&self, text: String) {
        self.collected().remarks = text;
    }

    /// The results for hosts whose plan is known.
    pub fn results(&self, results: &mut dyn Iterator<Item = HostLine>) {
        let mut collected = self.collected();
        for result in results {
            match collected.hosts.iter_mut().find(|line| line.host == result.host) {
                Some(line) => *line = HostLine { role: line.role.clone(), plan: line.plan.clone(), ..result },
                None => collected.hosts.push(result),
            }
        }
    }

    pub fn status(&self, status: &Status) {
        self.collected().status = Some(status.clone());
    }

    /// Writes the page, and returns its path.
    pub fn write(mut self, outcome: &Result<ExitCode>, events: &Events) -> Result<PathBuf> {
        let text = html::page(&self.run(outcome, events))?;
        self.file.append(text.as_bytes()).map_err(PageError::NotWritten)?;
        self.file.place(self.replaces).map_err(PageError::NotWritten)?;
        Ok(self.path)
    }

    fn run(&self, outcome: &Result<ExitCode>, events: &Events) -> Run {
        let collected = std::mem::take(&mut *self.collected());
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let entries: Vec<_> = gates.iter().flat_map(Gate::entries).collect();
        let code = outcome.as_ref().map_or_else(Failure::exit_code, |code| *code);
        let ending = match code {
            ExitCode::Ok | ExitCode::Changes if collected.is_planned => Ending::Planned,
            ExitCode::Ok | ExitCode::Changes => Ending::Succeeded,
            _ => Ending::Failed,
        };
        // A plan is in the page as values, and so is a status.
        let has_values = collected.status.is_some() || (collected.is_planned && collected.hosts.is_empty());
        Run {
            command: self.command.clone(),
            name: self.name,
            ending,
            is_planned: collected.is_planned,
            exit_code: code as u8,
            began: self.began,
            facts: collected.facts(),
            error: outcome.as_ref().err().map(|failure| ErrorText::of(failure, |text| events.masked(text))),
            record: self.recorder.so_far(),
            hosts: collected.hosts,
            remarks: collected.remarks,
            changed: Some(ChangeList::new(entries)),
            closing: if has_values { String::new() } else { without_secrets(&collected.closing, events) },
            status: collected.status,
        }
    }

    fn collected(&self) -> std::sync::MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    fn take(&mut self, cluster: Option<&ClusterConfig>, node: &NodeConfig) {
        self.host = Some(node.name.clone());
        if let Some(cluster) = cluster {
            let endpoint = cluster
                .control_plane_endpoint
                .as_ref()
                .map(|at| format!(" at {}", at.with_port(node.local_endpoint.bind_port)))
                .unwrap_or_default();
            self.cluster = Some(format!("{}{endpoint}", cluster.cluster_name));
            self.kubernetes = Some(cluster.version.to_string());
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (mut host, mut cluster, mut kubernetes) =
            (self.host.clone(), self.cluster.clone(), self.kubernetes.clone());
        if let Some(status) = &self.status {
            let view = &status.view;
            host = view.host.as_ref().map(|host| host.name.clone());
            cluster = view.api.as_ref().map(|api| api.server.clone());
            let mut versions: Vec<String> =
                view.control_planes.iter().flatten().filter_map(|plane| plane.version.clone()).collect();
            versions.sort();
            versions.dedup();
            kubernetes = Some(versions.join(", ")).filter(|versions| !versions.is_empty());
        }
        let facts = [("Host", host), ("Cluster", cluster), ("Kubernetes", kubernetes)];
        let mut facts: Vec<Fact> =
            facts.into_iter().filter_map(|(label, value)| Some(Fact::new(label, value?))).collect();
        facts.push(Fact::new("kubewright", concat!("v", env!("CARGO_PKG_VERSION"))));
        facts
    }
}

/// True for a page of this program, and for an empty file; false if there is nothing. What is there otherwise stays.
fn is_replaceable(files: &HostFiles, path: &Path) -> Result<bool> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(false) };
    if metadata.is_dir() {
        return Err(PageError::Directory(path.into()).into());
    }
    let head =
        if metadata.is_file() { files.head(path, HEAD)?.unwrap_or_default() } else { return Err(foreign(path)) };
    let is_page = String::from_utf8_lossy(&head).contains(GENERATOR);
    if head.is_empty() || is_page { Ok(true) } else { Err(foreign(path)) }
}

fn foreign(path: &Path) -> Failure {
    PageError::Foreign(path.into()).into()
}

/// The command line as it can be typed again.
fn as_typed(words: &[OsString]) -> String {
    let typed: Vec<String> = words.iter().skip(1).map(|word| shell_word(&word.to_string_lossy())).collect();
    format!("kubewright {}", typed.join(" "))
}

/// The last text of a command, which may have the secrets that were asked for, without them.
fn without_secrets(text: &str, events: &Events) -> String {
    let words: Vec<OsString> = text.split_whitespace().map(OsString::from).collect();
    events.masked(&masked::without(text, &given_secrets::of(&words, &BTreeMap::new())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_a_page_of_this_program_or_an_empty_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("page"), format!("<!DOCTYPE html>\n{GENERATOR}v1\">")).unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("other"), "<!DOCTYPE html>\n").unwrap();
        std::os::unix::fs::symlink("page", path("link")).unwrap();
        let files = HostFiles::new("/", Gate::open());
        let found = |name: &str| is_replaceable(&files, &path(name)).map_err(|failure| failure.to_string());
        assert_eq!((found("page"), found("empty"), found("none")), (Ok(true), Ok(true), Ok(false)));
        for name in ["other", "link"] {
            assert!(found(name).unwrap_err().contains("is not replaced"), "{name}");
        }
        assert!(found(".").unwrap_err().contains("is a directory"));
    }

    #[test]
    fn a_command_line_can_be_typed_again() {
        let words = ["/usr/bin/kubewright", "join", "--label", "a b", "", "it's"].map(OsString::from);
        assert_eq!(as_typed(&words), r"kubewright join --label 'a b' '' 'it'\''s'");
    }

    #[test]
    fn the_secrets_of_a_join_command_are_not_in_the_page() {
        let (token, key) =
            ("q7x2mk.k3v9s8d7f6g5h4j3", "9f3c1b7ae5d24860a1b2c3d4e5f60718293a4b5c6d7e8f901a2b3c4d5e6f7a8b");
        let text = format!(
            "To join:\n    kubewright join lb:6443 --token {token} \\\n      --discovery-token-ca-cert-hash sha256:{key} \\\n      \
             --certificate-key {}\n\nencrypted with this key:\n    {}\n",
            key.replace('9', "8"),
            key.replace('9', "7"),
        );
        let shown = without_secrets(&text, &Events::silent());
        assert!(
            !shown.contains(token)
                && !shown.contains(&key.replace('9', "8"))
                && !shown.contains(&key.replace('9', "7"))
        );
        assert!(shown.contains(&format!("sha256:{key}")) && shown.contains("--token ***"), "{shown}");
    }
}
