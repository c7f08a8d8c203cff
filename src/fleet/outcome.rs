//! How a run ended for each host, and for all of them.

use crate::base::exit_code::ExitCode;
use serde::Serialize;

/// How it ended for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Unchanged,
    Changed,
    Skipped,
    Unreachable,
    Failed,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
        }
    }
}

/// The result for a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostResult {
    pub host: String,
    pub state: State,
    /// What was done, or why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Changes on the host, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
    pub millis: u64,
    /// The exit code of the command on the host.
    #[serde(skip)]
    pub code: ExitCode,
}

impl HostResult {
    pub fn new(host: &str, state: State, why: impl Into<String>) -> Self {
        let code = match state {
            State::Unchanged | State::Changed => ExitCode::Ok,
            State::Skipped => ExitCode::Refused,
            State::Unreachable => ExitCode::Unreachable,
            State::Failed => ExitCode::Host,
        };
        Self { host: host.into(), state, why: why.into(), help: None, changes: None, millis: 0, code }
    }

    /// The result of a host on which this was done after what `self` is the result of.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let changes = self.changes.zip(later.changes).map(|(before, more)| before + more);
        let millis = self.millis + later.millis;
        let worse = if later.state >= self.state { later } else { self };
        Self { changes, millis, ..worse }
    }
}

/// The exit code of a run with these results: that of the worst host.
pub fn exit_code(results: &[HostResult]) -> ExitCode {
    let worst = results.iter().max_by_key(|result| (result.state, result.code != ExitCode::Internal));
    worst.map_or(ExitCode::Ok, |worst| worst.code)
}

/// `3 changed, 1 failed`.
pub fn counts(results: &[HostResult]) -> String {
    let states = [State::Changed, State::Unchanged, State::Failed, State::Unreachable, State::Skipped];
    let counted = states.map(|state| (state, results.iter().filter(|result| result.state == state).count()));
    let parts: Vec<String> = counted
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word()))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_host_decides() {
        let result = |state| HostResult::new("h", state, "");
        assert_eq!(exit_code(&[]), ExitCode::Ok);
        assert_eq!(exit_code(&[result(State::Changed), result(State::Unchanged)]), ExitCode::Ok);
        assert_eq!(exit_code(&[result(State::Changed), result(State::Unreachable)]), ExitCode::Unreachable);
        let failed = HostResult { code: ExitCode::Preflight, ..result(State::Failed) };
        assert_eq!(exit_code(&[failed.clone(), result(State::Unreachable)]), ExitCode::Preflight);
        assert_eq!(counts(&[failed, result(State::Changed)]), "1 changed, 1 failed");
    }
}
