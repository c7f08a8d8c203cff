//! The documents of a configuration file, and what they mean for each command.
//!
//! [`parse`] only fails if the documents cannot be separated. All other errors are collected and reported together
//! with those of the command, so that one run lists everything.

use super::cluster;
use super::facts::Facts;
use super::flags::{InitFlags, JoinFlags, ResetFlags, UpgradeFlags};
use super::model::{ClusterConfig, InitConfig, JoinConfig};
use super::problem::{Complaint, ConfigErrors, Place, Report, Warning};
use super::reset_config::ResetConfig;
use super::resolve;
use super::schema::{Document, Identified, Kind, check, check_component, identify};
use super::tree::{self, Mark};
use super::upgrade_config::{UpgradeConfig, UpgradeTask};

/// A configuration resolved from documents, flags and facts.
#[derive(Clone, Debug)]
pub struct Resolved<T> {
    pub config: T,
    /// True if the flags or the file request a dry run.
    pub dry_run: bool,
    /// Accepted but questionable values.
    pub warnings: Vec<Warning>,
}

/// The documents of a configuration file, or none.
#[derive(Clone, Debug)]
pub struct Documents {
    parsed: Vec<Document>,
    report: Report,
    has_file: bool,
    /// False if the kind of a document is unknown: a document that seems to be missing may be that one.
    all_known: bool,
}

/// Parses a configuration file; `source_name` is its name in messages. Never panics on any input. Fails if the bytes
/// are not YAML, too large, or contain no document.
pub fn parse(source_name: &str, bytes: &[u8]) -> Result<Documents, ConfigErrors> {
    let mut report = Report::new(source_name);
    let loaded = tree::load(bytes);
    let empty = loaded.documents.is_empty() && !loaded.stopped;
    for (mark, path, complaint) in loaded.defects {
        report.problem(Place::File { mark, path }, complaint);
    }
    if empty {
        let complaint = Complaint::with_help(
            "the file contains no documents",
            "run 'kubewright config print init-defaults' to start from an example",
        );
        report.problem(Place::File { mark: Mark::START, path: String::new() }, complaint);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut documents: Vec<Document> = Vec::new();
    let mut all_known = true;
    for root in loaded.documents {
        let document = match identify(root, &mut report) {
            Identified::Known(document) => document,
            // Nothing is missing because of it.
            Identified::Foreign => continue,
            Identified::Unknown => {
                all_known = false;
                continue;
            }
        };
        check(&document, text, &mut report);
        match documents.iter().find(|d| d.kind == document.kind) {
            Some(first) => refuse_second(first, &document, &mut report),
            None => documents.push(document),
        }
    }
    if empty || loaded.stopped {
        return Err(report.into_errors());
    }
    Ok(Documents { parsed: documents, report, has_file: true, all_known })
}

fn refuse_second(first: &Document, second: &Document, report: &mut Report) {
    let (mark, kind) = (second.mark_of("kind"), second.kind.name());
    let what = format!("duplicate {kind}: the first one is on line {}", first.mark_of("kind").line);
    report.problem(Place::File { mark, path: "kind".into() }, Complaint::with_help(what, "merge the two"));
}

impl Documents {
    /// The documents of a command without a configuration file.
    pub fn none() -> Self {
        Self { parsed: Vec::new(), report: Report::new("command line"), has_file: false, all_known: true }
    }

    /// The kinds of the documents, in the file's order.
    pub fn kinds(&self) -> Vec<Kind> {
        self.parsed.iter().map(|d| d.kind).collect()
    }

    /// The hosts of the file's `Cluster`; an error if the file has none.
    pub fn hosts(&self) -> Result<cluster::ClusterFile, ConfigErrors> {
        let mut report = self.report.clone();
        self.check_components(None, &mut report);
        let file = cluster::resolve(self, &mut report);
        report.finish().map(|_| file)
    }

    fn warn_of_unused(&self, used: &[Kind], command: &str, report: &mut Report) {
        for document in self.parsed.iter().filter(|d| !used.contains(&d.kind)) {
            let place = Place::File { mark: document.mark_of("kind"), path: "kind".into() };
            report.warn(&place, Complaint::new(format!("'{command}' ignores {}", document.kind.name())));
        }
    }

    /// True if the file sets the Kubernetes version.
    pub fn names_version(&self) -> bool {
        self.document(Kind::Cluster).is_some_and(|cluster| cluster.root.entry("kubernetesVersion").is_some())
    }

    /// All documents, in the file's order.
    pub(super) fn all(&self) -> &[Document] {
        &self.parsed
    }

    /// The document of the given kind.
    pub(super) fn document(&self, kind: Kind) -> Option<&Document> {
        self.parsed.iter().find(|d| d.kind == kind)
    }

    /// True if there is a file without documents of these kinds.
    pub(super) fn lacks(&self, kinds: &[Kind]) -> bool {
        self.has_file && self.all_known && !self.parsed.iter().any(|d| kinds.contains(&d.kind))
    }

    /// True if there is a file.
    pub(super) fn has_file(&self) -> bool {
        self.has_file
    }

    /// Checks kinds, fields and types of the documents, but not their values.
    pub fn check_fields(&self) -> Result<(), ConfigErrors> {
        let mut report = self.report.clone();
        self.check_components(None, &mut report);
        report.finish().map(|_| ())
    }

    /// Checks the components' own documents by the fields of a minor; of any, where that is not known.
    pub(super) fn check_components(&self, minor: Option<u16>, report: &mut Report) {
        for document in self.parsed.iter().filter(|document| document.kind.component_api().is_some()) {
            check_component(document, minor, report);
        }
    }

    /// Resolves the configuration of `init`.
    pub fn init(&self, flags: &InitFlags, facts: &Facts) -> Result<Resolved<InitConfig>, ConfigErrors> {
        let mut report = self.report.clone();
        self.warn_of_unused(
            &[Kind::Init, Kind::Cluster, Kind::ClusterStatus, Kind::Kubelet, Kind::KubeProxy],
            "init",
            &mut report,
        );
        let (config, dry_run) = resolve::init(self, flags, facts, &mut report);
        finish(report, config, dry_run)
    }

    /// Resolves the configuration of `join`.
    pub fn join(&self, flags: &JoinFlags, facts: &Facts) -> Result<Resolved<JoinConfig>, ConfigErrors> {
        let mut report = self.report.clone();
        self.warn_of_unused(&[Kind::Join], "join", &mut report);
        let (config, dry_run) = resolve::join(self, flags, facts, &mut report);
        finish(report, config, dry_run)
    }

    /// Resolves the cluster from documents read from its ConfigMap objects.
    pub fn cluster(&self, facts: &Facts) -> Result<Resolved<ClusterConfig>, ConfigErrors> {
        let mut report = self.report.clone();
        let config = resolve::cluster(self, facts, &mut report);
        finish(report, config, false)
    }

    /// Resolves the configuration of `reset`.
    pub fn reset(&self, flags: &ResetFlags, facts: &Facts) -> Result<Resolved<ResetConfig>, ConfigErrors> {
        let mut report = self.report.clone();
        self.warn_of_unused(&[Kind::Reset], "reset", &mut report);
        let (config, dry_run) = resolve::reset(self, flags, facts, &mut report);
        finish(report, config, dry_run)
    }

    /// Resolves the configuration of an upgrade command.
    pub fn upgrade(&self, task: UpgradeTask, flags: &UpgradeFlags) -> Result<Resolved<UpgradeConfig>, ConfigErrors> {
        let mut report = self.report.clone();
        self.warn_of_unused(&[Kind::Upgrade], "upgrade", &mut report);
        let (config, dry_run) = resolve::upgrade(self, task, flags, &mut report);
        finish(report, config, dry_run)
    }

    /// Validates every document as the command that reads it would (`config validate`).
    pub fn validate(&self, facts: &Facts) -> Result<Vec<Warning>, ConfigErrors> {
        let mut report = self.report.clone();
        let has = |kind| self.document(kind).is_some();
        if has(Kind::Init) || has(Kind::Cluster) {
            resolve::init(self, &InitFlags::default(), facts, &mut report);
        } else {
            self.check_components(facts.kubelet_version.as_ref().map(|version| version.minor), &mut report);
        }
        // The other fields of a join are added for each host.
        if has(Kind::Join) && !has(Kind::Hosts) {
            resolve::join(self, &JoinFlags::default(), facts, &mut report);
        }
        if has(Kind::Hosts) {
            cluster::resolve(self, &mut report);
        }
        if has(Kind::Reset) {
            resolve::reset(self, &ResetFlags::default(), facts, &mut report);
        }
        if has(Kind::Upgrade) {
            for task in [UpgradeTask::Apply, UpgradeTask::Diff, UpgradeTask::Node, UpgradeTask::Plan] {
                resolve::upgrade(self, task, &UpgradeFlags::default(), &mut report);
            }
        }
        report.finish()
    }
}

fn finish<T>(report: Report, config: T, dry_run: bool) -> Result<Resolved<T>, ConfigErrors> {
    Ok(Resolved { config, dry_run, warnings: report.finish()? })
}
