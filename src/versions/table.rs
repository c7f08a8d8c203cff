//! The differences between Kubernetes minor versions as data: one [`Minor`] each.
//!
//! A fact describes what the kubeadm of that minor version writes or expects, so that both tools can manage each
//! other's clusters. No other module compares minor versions; it reads a field.

use super::minor::Minor;
use super::minors;
use super::version::Version;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;

/// The oldest supported minor version.
pub const OLDEST: u16 = 20;

/// The facts of v1.`minor`; None if it is not supported.
pub fn facts(minor: u16) -> Option<&'static Minor> {
    minors::ALL.iter().find(|m| m.minor == minor)
}

/// The minor version is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {version} is not supported; supported versions are {}", window())]
pub struct OutsideWindow {
    pub version: Version,
}

impl Fault for OutsideWindow {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(if self.version.minor < OLDEST {
            format!("use v1.{OLDEST} or newer; upgrade older clusters to it first")
        } else {
            format!("use v1.{} or older, or a newer version of kubewright", newest())
        })
    }
}

/// The facts of this version's minor.
pub fn facts_of(version: &Version) -> Result<&'static Minor, OutsideWindow> {
    let known = if version.major == 1 { facts(version.minor) } else { None };
    known.ok_or_else(|| OutsideWindow { version: version.clone() })
}

/// The newest supported minor version.
pub fn newest() -> u16 {
    minors::NEWEST.minor
}

/// The supported minor versions: `v1.20 to v1.37`.
pub fn window() -> String {
    format!("v1.{OLDEST} to v1.{}", newest())
}

#[cfg(test)]
mod tests;
