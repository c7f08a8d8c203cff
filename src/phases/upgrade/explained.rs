//! Why a component of this host is not ready, as the host shows it.

use crate::base::fault::Failure;
use crate::checks::diagnosis::Diagnosis;
use crate::context::Context;

/// Why a component is not ready.
#[derive(Debug)]
pub struct Explained {
    pub why: String,
    /// The lines of logs that show it, each on a line of its own.
    pub evidence: String,
    /// What to do.
    pub fix: Option<String>,
}

/// Why a component is not ready, as this host shows it before it goes back.
pub fn explain(cx: &Context, component: &str, failure: &Failure) -> Explained {
    let text = failure.with_causes();
    match cx.diagnosis(Some(component)).map(Diagnosis::without_manifest) {
        Some(found) => Explained {
            why: format!("{text}: {}", found.cause),
            evidence: found.evidence.iter().flat_map(|line| ["\n  ", line]).collect(),
            fix: Some(found.fix),
        },
        None => Explained { why: text, evidence: String::new(), fix: failure.hint() },
    }
}
