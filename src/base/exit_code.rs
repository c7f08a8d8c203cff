//! The exit codes: an interface for scripts, documented in `docs/errors.md`.

use serde::Serialize;

/// How a command ended. The number is stable; the meaning is in [`ExitCode::meaning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitCode {
    /// Everything asked for is done, or was done already.
    Ok = 0,
    /// A fault of kubewright itself: worth a bug report.
    Internal = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// A file that was given or found (config, certificate, key, disk) cannot be used; nothing was changed by it.
    Input = 3,
    /// Preflight found something that must be mended first.
    Preflight = 4,
    /// A command, service or container runtime on this host failed.
    Host = 5,
    /// A machine or API server could not be reached, or refused the request.
    Unreachable = 6,
    /// A component did not become healthy in time.
    Unhealthy = 7,
    /// Something could not be trusted: a pin, a signature or a certificate did not match.
    Untrusted = 8,
    /// Refused because it would endanger the cluster or its data.
    Refused = 9,
    /// A certificate or token check found something past its threshold.
    Threshold = 10,
    /// Such a check found something past the threshold of warnings only.
    Warning = 11,
}

impl ExitCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 12] = [
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
    ];

    /// One sentence for `docs/errors.md`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "Done, or there was nothing to do.",
            Self::Internal => "A fault of kubewright itself; please report it.",
            Self::Usage => "The command line could not be understood.",
            Self::Input => {
                "A file that was given or found (configuration, certificate, key, folder) cannot be used as it is. Nothing was changed by it."
            }
            Self::Preflight => "Preflight found something that must be mended first.",
            Self::Host => "A command, service or the container runtime on this host failed.",
            Self::Unreachable => "A machine or API server could not be reached, or refused the request.",
            Self::Unhealthy => "A component did not become healthy in time.",
            Self::Untrusted => "A pin, signature or certificate did not match; nothing was sent.",
            Self::Refused => "Refused, because it would endanger the cluster or its data.",
            Self::Threshold => {
                "A check found a certificate or token past its critical threshold, or one that cannot be read."
            }
            Self::Warning => "A check found a certificate or token past the threshold of warnings only.",
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
