//! Severities and words that several assessments use.

use crate::state::status::causes::Severity;

/// The severity of what affects one of several: critical where none is left.
pub(super) fn one_of(others_work: bool) -> Severity {
    if others_work { Severity::Warning } else { Severity::Critical }
}

/// `3 days`, `2 hours`, `90 seconds`.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The advice of a diagnosis without the command that waits elsewhere.
pub(super) fn advice(fix: &str) -> String {
    fix.replace(", then run the command again", "").replace(" and the command again", "")
}
