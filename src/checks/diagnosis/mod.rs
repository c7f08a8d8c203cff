//! Why a host or a component did not come up: one cause, the lines that show it, one fix.
//!
//! Reads: the kubelet's journal, containers that ended and their logs, the disk.
//! Writes nothing. A wait that ran out of time asks this before it gives up.

mod causes;
mod evidence;
mod hopeless;
mod line;

pub use causes::{CAUSES, Cause};
pub use evidence::{Evidence, collect, words_of_kubelet};
pub use hopeless::Hopeless;
pub use line::{Line, Source};

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::domain::paths::MANIFESTS_DIR;
use serde::Serialize;

/// As many lines show a cause as a person reads.
const SHOWN: usize = 4;
/// A line of a log may be a page long.
const WIDTH: usize = 200;

/// What the evidence says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The cause's stable name; `Unknown` when none is recognised.
    pub id: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub cause: String,
    /// The lines that show it, each with its source.
    pub evidence: Vec<String>,
    /// What the user can do.
    pub fix: String,
    /// The component that says so; empty where the cause is not recognised.
    #[serde(skip)]
    pub who: String,
    /// What it complains of: the flag, the address.
    #[serde(skip)]
    pub detail: String,
}

impl Diagnosis {
    /// The cause, followed by the lines that show it.
    pub fn text(&self) -> String {
        let evidence: String = self.evidence.iter().flat_map(|line| ["\n  ", line]).collect();
        format!("{}{evidence}", self.cause)
    }

    /// The same with what the last look at the thing itself found. Where no cause is known, that is the best there is.
    #[must_use]
    pub fn and_last(mut self, last: &str) -> Self {
        if self.id == UNKNOWN {
            self.cause = format!("{last}; {}", self.cause);
        } else {
            self.evidence.push(format!("last look: {last}"));
        }
        self
    }

    /// The same after the manifest was replaced: only the configuration still has its flags.
    #[must_use]
    pub fn without_manifest(mut self) -> Self {
        let place = "extraArgs of the configuration (ConfigMap kube-system/kubeadm-config)";
        self.fix = self.fix.replace(&flags_of(&self.who), place);
        self
    }
}

/// The name of a cause that is not recognised.
const UNKNOWN: &str = "Unknown";

/// A wait that ran out of time, and why.
#[derive(Debug, thiserror::Error)]
#[error("timed out after {limit:?} waiting for {what}: {}", self.diagnosis.text())]
pub struct Diagnosed {
    /// What was awaited.
    pub what: String,
    /// The time it was given.
    pub limit: std::time::Duration,
    /// Why it did not come.
    pub diagnosis: Diagnosis,
}

impl Fault for Diagnosed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Unhealthy
    }
    fn hint(&self) -> Option<String> {
        Some(self.diagnosis.fix.clone())
    }
}

/// The most basic cause that the evidence shows. Causes are listed from the ground up: with the
/// disk full everything else fails too.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    for cause in CAUSES {
        let lines: Vec<&Line> = evidence.lines.iter().filter(|line| cause.matches(line)).collect();
        if let Some(last) = lines.last() {
            let detail = &cause.detail(&last.text);
            return Diagnosis {
                id: cause.id,
                cause: cause.what.replace("{}", detail).replace("{who}", &last.who),
                evidence: select(&lines, |line| cause.place(&line.text)),
                fix: cause
                    .fix
                    .replace("{flags}", &flags_of(&last.who))
                    .replace("{}", detail)
                    .replace("{who}", &last.who),
                who: last.who.clone(),
                detail: detail.clone(),
            };
        }
    }
    unknown(evidence)
}

/// Where a component gets its flags from: they can be in the file only, by hand, or come from the configuration.
fn flags_of(who: &str) -> String {
    match who {
        "kubelet" => "/var/lib/kubelet/kubeadm-flags.env, /etc/default/kubelet or kubeletExtraArgs".into(),
        _ => format!("{MANIFESTS_DIR}/{who}.yaml (and extraArgs of the configuration)"),
    }
}

/// Nothing is recognised: the last words of what ended, else the kubelet's complaints.
fn unknown(evidence: &Evidence) -> Diagnosis {
    let failing = |line: &&Line| line.source == Source::Container;
    let mut lines: Vec<&Line> = evidence.lines.iter().filter(failing).collect();
    let who = lines.last().map(|line| line.who.clone());
    if let Some(who) = &who {
        lines.retain(|line| line.who == *who);
    } else {
        let complains = |line: &&Line| line.source == Source::Kubelet && line.is_complaint();
        lines.extend(evidence.lines.iter().filter(complains));
    }
    let (cause, fix) = match who {
        Some(who) => (
            format!("{who} ended; its last words are below"),
            format!("run 'crictl ps -a' to find {who}, and 'crictl logs ID' for more"),
        ),
        None => (
            "the cause is not one that kubewright knows".to_owned(),
            "run 'journalctl -u kubelet -n 200' and 'crictl ps -a' to see more".to_owned(),
        ),
    };
    let evidence = select(&lines, |_| 0);
    Diagnosis { id: UNKNOWN, cause, evidence, fix, who: String::new(), detail: String::new() }
}

/// The last lines that say different things from their relevant `place` on, oldest first.
fn select(lines: &[&Line], place: impl Fn(&Line) -> usize) -> Vec<String> {
    let mut chosen: Vec<(usize, &Line)> = Vec::new();
    for line in lines.iter().rev() {
        let place = place(line);
        if !chosen.iter().any(|(other_place, other)| other.gist(*other_place) == line.gist(place)) {
            chosen.push((place, line));
        }
        if chosen.len() == SHOWN {
            break;
        }
    }
    chosen.iter().rev().map(|(place, line)| line.shown(*place, WIDTH)).collect()
}

#[cfg(test)]
mod tests;
