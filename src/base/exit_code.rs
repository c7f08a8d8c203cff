//! The exit codes, an interface for scripts that is documented in `docs/errors.md`.

use serde::Serialize;

/// How a command ended. The numbers are stable; see [`ExitCode::meaning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitCode {
    /// Success.
    Ok = 0,
    /// A bug in kubewright.
    Internal = 1,
    /// Invalid command line.
    Usage = 2,
    /// An input file (configuration, certificate, key) or the disk cannot be used.
    Input = 3,
    /// Preflight errors.
    Preflight = 4,
    /// A command, service or the container runtime on this host failed.
    Host = 5,
    /// A host or API server could not be reached, or rejected the request.
    Unreachable = 6,
    /// A component did not become healthy in time.
    Unhealthy = 7,
    /// A CA hash, signature or certificate did not match.
    Untrusted = 8,
    /// Refused, because it would endanger the cluster or its data.
    Refused = 9,
    /// A certificate or token is past its critical threshold.
    Threshold = 10,
    /// A certificate or token is past its warning threshold.
    Warning = 11,
    /// An upgrade is available, files differ, or hosts would change, and the user asked for a distinction.
    Changes = 12,
}

impl ExitCode {
    /// All codes in order.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Internal,
        Self::Usage,
        Self::Input,
        Self::Preflight,
        Self::Host,
        Self::Unreachable,
        Self::Unhealthy,
        Self::Untrusted,
        Self::Refused,
        Self::Threshold,
        Self::Warning,
        Self::Changes,
    ];

    /// A sentence for `docs/errors.md`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "Success, or nothing to do.",
            Self::Internal => "A bug in kubewright; please report it.",
            Self::Usage => "Invalid command line.",
            Self::Input => {
                "An input file (configuration, certificate, key or directory) cannot be used. It was not changed."
            }
            Self::Preflight => "Preflight found errors that must be fixed first.",
            Self::Host => "A command, service or the container runtime on this host failed.",
            Self::Unreachable => "A host or API server could not be reached, or rejected the request.",
            Self::Unhealthy => {
                "A component did not become healthy in time; or `status`, `doctor` or `network test` found something that does not work."
            }
            Self::Untrusted => "Trust verification failed (CA hash, signature or certificate); nothing was sent.",
            Self::Refused => "Refused, because it would endanger the cluster or its data.",
            Self::Threshold => "A certificate or token is past its critical threshold, or cannot be read.",
            Self::Warning => {
                "A certificate or token is past its warning threshold; or `status`, `doctor` or `network test` found nothing worse than a warning."
            }
            Self::Changes => {
                "Only with `--exit-code`: an upgrade is available (`upgrade plan`), files differ (`upgrade diff`), or hosts would change (`plan`)."
            }
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_under_its_number() {
        for (number, code) in ExitCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, number);
            assert!(code.meaning().ends_with('.'));
        }
    }
}
