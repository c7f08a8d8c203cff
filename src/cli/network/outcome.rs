//! The result of a network test as a value, for text and JSON, and its exit code.

use crate::base::exit_code::ExitCode;
use crate::kube::network_test::{Cause, Seen, Severity, Tested, Untested, Why};
use serde::Serialize;
use std::time::Duration;

/// The version of the JSON form; it changes when a field is removed or gets another meaning.
const API_VERSION: &str = "network.kubewright.io/v1";

/// The result, also for `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    kind: &'static str,
    api_version: &'static str,
    pub verdict: Verdict,
    pub seconds: f64,
    /// The nodes whose Pods asked and answered.
    pub nodes: Vec<String>,
    pub untested: Vec<Untested>,
    pub causes: Vec<Cause>,
    /// Every question and its answer.
    pub probes: Vec<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was tested passes, on all nodes that were to be tested.
    Passed,
    /// What was tested passes, with a warning, or not all nodes could be tested.
    Warning,
    /// Traffic does not pass.
    Failed,
}

impl Outcome {
    pub fn of(tested: Tested, took: Duration) -> Self {
        let Tested { nodes, untested, seen: probes, causes } = tested;
        let worst = causes.iter().map(|cause| cause.severity).max();
        let is_partial = nodes.is_empty() || untested.iter().any(|one| one.why != Why::NotChosen);
        let verdict = match worst {
            Some(Severity::Error) => Verdict::Failed,
            Some(Severity::Warning) => Verdict::Warning,
            _ if is_partial => Verdict::Warning,
            Some(Severity::Note) | None => Verdict::Passed,
        };
        let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
        Self { kind: "NetworkTest", api_version: API_VERSION, verdict, seconds, nodes, untested, causes, probes }
    }

    pub fn code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Passed => ExitCode::Ok,
            Verdict::Warning => ExitCode::Warning,
            Verdict::Failed => ExitCode::Unhealthy,
        }
    }
}
