//! What colours mean.

use crate::state::status::Severity;
use serde::Serialize;

/// What a colour means; there is a word beside each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    Good,
    Note,
    Warning,
    Bad,
    Plan,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Self::Good,
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Bad,
        }
    }
}
