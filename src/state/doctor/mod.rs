//! What is wrong with a running host and its cluster, from several sources, in one form.
//!
//! `files` compares files with what the cluster's configuration says and with what kubewright wrote; the rest comes from
//! `status`, from the checks of preflight and from logs. Reads: files. Writes: nothing.

mod files;

pub use files::{edits, files};

use super::status::{Cause, Severity as Cluster, Status};
use crate::base::masked;
use crate::checks::{self, Report};
use crate::pki::moment;
use serde::Serialize;

/// The version of the JSON form; it changes when a field is removed or gets another meaning.
pub const API_VERSION: &str = "doctor.kubewright.io/v1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work, or stops soon.
    Error,
    /// It works, with less to spare than it should have.
    Warning,
    /// Worth knowing.
    Note,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the cause or the check.
    pub id: String,
    pub severity: Severity,
    /// What is wrong: one sentence without a full stop.
    pub what: String,
    /// The host, node, component or file.
    #[serde(rename = "where")]
    pub place: String,
    /// Why it matters; empty where what is wrong says so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What the user can do.
    pub fix: String,
    /// The lines of logs that show it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// `--fix` fixes it.
    pub fixable: bool,
}

impl Finding {
    pub fn new(id: &str, severity: Severity, place: &str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity,
            what: masked::sentence(&what.into()),
            place: place.into(),
            why: String::new(),
            fix: fix.into(),
            evidence: Vec::new(),
            fixable: false,
        }
    }
}

/// A check that could not be made. That is not a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    pub check: String,
    pub why: String,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    kind: &'static str,
    api_version: &'static str,
    /// When, in RFC 3339.
    pub at: String,
    /// Errors first; of those, the most basic first.
    pub findings: Vec<Finding>,
    /// The names of the checks that were made, beside those of the state of the cluster.
    pub checks: Vec<String>,
    pub not_checked: Vec<NotChecked>,
}

/// The checks of preflight that hold for a host of a running cluster too. The others are about a host that is to be made one.
const RUNNING: [&str; 18] = [
    "CgroupDriver",
    "ContainerRuntimeService",
    "ContainerRuntimeVersion",
    "CRI",
    "ClockSync",
    "DiskSpace",
    "Firewalld",
    "Hostname",
    "KubeletEnvironment",
    "KubeletVersion",
    "Mem",
    "Modules",
    "NumCPU",
    "SandboxImage",
    "Service-kubelet",
    "Swap",
    "SystemVerification",
    "HTTPProxyCIDR",
];
/// The beginnings of names of more of them.
const RUNNING_KINDS: [&str; 3] = ["FileContent-", "FileExisting-", "Writable-"];
/// They repeat what `status` says.
const SAME: [(&str, &str); 2] = [("CRI", "RuntimeDown"), ("DiskSpace", "DiskFull")];

/// The report of preflight without what only holds before `init` or `join`. Without the cluster's own configuration its image
/// repository is not known.
pub fn of_running_host(mut report: Report, config_is_known: bool) -> Report {
    let counts = |id: &String| {
        let is_listed = RUNNING.contains(&id.as_str()) || RUNNING_KINDS.iter().any(|kind| id.starts_with(kind));
        is_listed && (config_is_known || id != "SandboxImage")
    };
    report.checks.retain(counts);
    report.findings.retain(|finding| counts(&finding.id));
    report
}

impl Findings {
    /// What the state of the cluster shows.
    pub fn of_status(status: &Status, now: i64) -> Self {
        let findings = status.causes.iter().filter(|cause| cause.id != "NotChecked").map(of_cause).collect();
        let unknown = status.view.unknown.iter();
        let not_checked = unknown.map(|one| NotChecked { check: one.what.clone(), why: one.why.clone() }).collect();
        let mut all = Self {
            kind: "Findings",
            api_version: API_VERSION,
            at: moment::text(now),
            findings,
            checks: Vec::new(),
            not_checked,
        };
        all.add_diagnosis(status);
        all
    }

    /// What logs show, as evidence of the first cause that they explain, or as a finding of its own.
    fn add_diagnosis(&mut self, status: &Status) {
        let Some(found) = status.view.host.as_ref().and_then(|host| host.diagnosis.as_ref()) else { return };
        let names = |finding: &&mut Finding| !found.who.is_empty() && finding.place.contains(&found.who);
        if let Some(finding) = self.findings.iter_mut().find(names) {
            finding.evidence.clone_from(&found.evidence);
        } else if !found.who.is_empty() || self.findings.is_empty() {
            let mut finding = Finding::new(found.id, Severity::Warning, "logs of this host", &found.cause, &found.fix);
            finding.evidence.clone_from(&found.evidence);
            self.findings.push(finding);
        }
    }

    /// Adds what the checks of preflight found.
    pub fn add_report(&mut self, report: &Report) {
        self.checks.extend(report.checks.iter().cloned());
        for finding in &report.findings {
            if let Some(why) = finding.what.strip_prefix("this could not be checked: ") {
                self.not_checked.push(NotChecked { check: finding.id.clone(), why: why.into() });
                continue;
            }
            let repeats =
                |(id, known): &(&str, &str)| finding.id == *id && self.findings.iter().any(|one| one.id == *known);
            if !SAME.iter().any(repeats) {
                self.findings.push(of_check(finding));
            }
        }
    }

    /// Adds findings of other checks.
    pub fn add(&mut self, check: &str, found: Result<Vec<Finding>, String>) {
        self.checks.push(check.into());
        match found {
            Ok(findings) => {
                // The manifest that was edited is already named.
                let is_new =
                    |one: &Finding| !self.findings.iter().any(|known| known.place == one.place && known.id == one.id);
                let new: Vec<Finding> = findings.into_iter().filter(is_new).collect();
                self.findings.extend(new);
            }
            Err(why) => self.not_checked.push(NotChecked { check: check.into(), why }),
        }
    }

    /// Errors first, each in the order in which they were found.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.findings.sort_by_key(|finding| finding.severity);
        self
    }

    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

fn of_cause(cause: &Cause) -> Finding {
    let severity = match cause.severity {
        Cluster::Critical => Severity::Error,
        Cluster::Warning => Severity::Warning,
        Cluster::Note | Cluster::Ok => Severity::Note,
    };
    let finding = Finding::new(cause.id, severity, &cause.place, &cause.what, &cause.next);
    Finding { why: cause.why.clone(), ..finding }
}

fn of_check(finding: &checks::Finding) -> Finding {
    let severity = match finding.severity {
        checks::Severity::Error => Severity::Error,
        checks::Severity::Warning => Severity::Warning,
    };
    let place = if finding.place.is_empty() { "this host" } else { &finding.place };
    let found = Finding::new(&finding.id, severity, place, &finding.what, &finding.fix);
    Finding { fixable: finding.repair.is_some(), ..found }
}

#[cfg(test)]
mod tests;
