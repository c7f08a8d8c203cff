//! Errors of commands for many hosts.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::sanitize;
use serde_json::Value;

/// What went wrong with hosts.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A command on a host failed.
    #[error("{why}")]
    Failed { why: String, help: Option<String>, code: ExitCode },
    /// The answer of a host is not one.
    #[error("the host does not answer as kubewright does: {why}")]
    NotAnAnswer { why: String },
    /// The run on the host ended without a result.
    #[error("the run on the host ended without a result")]
    NoResult,
    /// A name that is not in the file.
    #[error("{name:?} is not a host of the file")]
    NoHost { name: String, near: Option<String> },
    /// The plan cannot be applied.
    #[error("the plan cannot be applied: {0}")]
    Blocked(String),
    /// What was planned is not what would be done now.
    #[error("the hosts or the file have changed since the plan was made: {0}")]
    Outdated(String),
    /// A file is not a saved plan.
    #[error("{0} is not a plan of 'kubewright plan --out'")]
    NotAPlan(String),
    /// No control plane answers.
    #[error("no control plane of the cluster responds")]
    NoControlPlane,
}

impl Fault for FleetError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed { code, .. } => *code,
            Self::NotAnAnswer { .. } | Self::NoResult => ExitCode::Host,
            Self::NoHost { .. } => ExitCode::Usage,
            Self::Blocked(_) | Self::Outdated(_) => ExitCode::Refused,
            Self::NotAPlan(_) => ExitCode::Input,
            Self::NoControlPlane => ExitCode::Unreachable,
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Failed { help, .. } => help.clone(),
            Self::NotAnAnswer { .. } => Some("run 'kubewright host facts' on the host to see what it prints".into()),
            Self::NoResult => Some(
                "check whether the host was restarted; the same command, run again, continues where it stopped".into(),
            ),
            Self::NoHost { near, .. } => near.as_ref().map(|near| format!("did you mean '{near}'?")),
            Self::Blocked(_) => Some("run 'kubewright plan' to see what is in the way on each host".into()),
            Self::Outdated(_) => Some("run 'kubewright plan' again and read what has changed".into()),
            Self::NotAPlan(_) => Some("make one with 'kubewright plan -f FILE --out PLAN'".into()),
            Self::NoControlPlane => Some("run 'kubewright plan' to see why each host does not respond".into()),
        }
    }
}

impl FleetError {
    /// The error that a command on a host printed: its last event of that kind, or what it printed last.
    pub fn of_output(code: i32, stderr: &str) -> Self {
        let event = stderr
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Value>(line).ok().filter(|event| event["event"] == "error"));
        if let Some(event) = event {
            return Self::of_event(&event, code);
        }
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
        Self::Failed { why: format!("exit code {code}: {}", sanitize::line(last)), help: None, code: exit_code(code) }
    }

    /// The error in an event of a run.
    pub fn of_event(event: &Value, code: i32) -> Self {
        let text = |value: &Value| value.as_str().map(sanitize::line);
        let place = text(&event["phase"]).filter(|place| !place.is_empty()).map(|place| format!("[{place}] "));
        let mut why = place.unwrap_or_default() + &text(&event["error"]).unwrap_or_default();
        for cause in event["causedBy"].as_array().into_iter().flatten().take(5).filter_map(text) {
            why += &format!(": {cause}");
        }
        Self::Failed { why, help: text(&event["help"]), code: exit_code(code) }
    }
}

/// The exit code of a command on a host. Another one than ours is that of another program.
pub fn exit_code(code: i32) -> ExitCode {
    ExitCode::ALL
        .into_iter()
        .find(|known| *known as i32 == code)
        .filter(|code| *code != ExitCode::Ok)
        .unwrap_or(ExitCode::Host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_host_is_shown_without_what_a_terminal_would_obey() {
        let stderr = "noise\n{\"event\":\"error\",\"phase\":\"preflight\",\"error\":\"swap is on\\u001b[2J\",\"causedBy\":[\"x\"],\
                      \"help\":\"run 'swapoff -a'\",\"exitCode\":4}\n";
        let error = FleetError::of_output(4, stderr);
        assert_eq!(error.to_string(), "[preflight] swap is on [2J: x");
        assert_eq!((error.hint().as_deref(), error.exit_code()), (Some("run 'swapoff -a'"), ExitCode::Preflight));
        let error = FleetError::of_output(127, "sh: kubewright: not found\n");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("exit code 127: sh: kubewright: not found", ExitCode::Host)
        );
    }
}
