//! The findings of checks, and the report of all of them.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::masked;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;

/// The role that the host will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The first node of a cluster.
    FirstControlPlane,
    /// An additional control plane.
    ControlPlane,
    /// A worker.
    Worker,
}

/// The consequence of an ignored check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Consequence {
    /// A field of the `KubeletConfiguration` is set, unless the user set it.
    KubeletField {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: Value,
    },
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The cluster will not start, or not keep running.
    Error,
    /// Worth knowing.
    Warning,
}

/// The fix for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Repair {
    /// Make the runtime use this cgroup driver.
    CgroupDriver {
        /// `systemd` or `cgroupfs`.
        driver: String,
    },
    /// Make Docker use this cgroup driver.
    DockerCgroupDriver {
        /// `systemd` or `cgroupfs`.
        driver: String,
    },
    /// Enable a service.
    EnableService {
        /// Its name.
        service: String,
    },
    /// Add the address of the host's name to /etc/hosts.
    HostsEntry {
        /// The name.
        name: String,
        /// The address.
        ip: IpAddr,
    },
    /// Load kernel modules, now and at boot.
    Modules {
        /// Their names.
        modules: Vec<String>,
    },
    /// Make the runtime use this sandbox image.
    SandboxImage {
        /// The image.
        image: String,
    },
    /// Start a service now.
    StartService {
        /// Its name.
        service: String,
    },
    /// Turn swap off, now and at boot.
    Swap,
    /// Enable the runtime's CRI.
    SwitchCriOn,
    /// Set a kernel parameter, now and at boot.
    Sysctl {
        /// Its name.
        key: String,
        /// The value it needs.
        value: String,
    },
}

impl Repair {
    /// The service of a container runtime that responds only after this fix.
    pub fn starts_runtime(&self) -> Option<&str> {
        match self {
            Self::StartService { service } => Some(service),
            Self::SwitchCriOn => Some("containerd"),
            _ => None,
        }
    }
}

/// A problem that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the check, for `--ignore-preflight-errors`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The problem: one sentence without a full stop.
    pub what: String,
    /// The place: a path, a service, a port.
    #[serde(rename = "where")]
    pub place: String,
    /// What the user can do.
    pub fix: String,
    /// True if it was an error that the user chose to ignore.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// The fix of `--fix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// Why it cannot be ignored.
    #[serde(skip)]
    pub vital: Option<&'static str>,
}

impl Finding {
    /// An error.
    pub fn error(id: &str, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity: Severity::Error,
            what: what.into(),
            place: place.into(),
            fix: fix.into(),
            ignored: false,
            repair: None,
            vital: None,
        }
    }

    /// A warning.
    pub fn warning(id: &str, place: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, place, what, fix) }
    }

    /// A check that could not be made is a warning: the host may be fine.
    pub fn unknown(id: &str, fault: &dyn Fault) -> Self {
        let mut what = format!("this could not be checked: {fault}");
        if let Some(source) = fault.source() {
            what = format!("{what}: {source}");
        }
        Self::warning(id, "", what, fault.hint().unwrap_or_default())
    }

    /// The same finding, which cannot be ignored because of `reason`.
    #[must_use]
    pub fn vital(mut self, reason: &'static str) -> Self {
        self.vital = Some(reason);
        self
    }

    /// The same finding without what looks like a secret: it may repeat what a program or another's file says.
    #[must_use]
    pub(super) fn masked(mut self) -> Self {
        for text in [&mut self.what, &mut self.place, &mut self.fix] {
            *text = masked::sentence(text);
        }
        self
    }

    /// The same finding with a fix.
    #[must_use]
    pub fn fixed_by(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        };
        let ignored = if self.ignored { " (ignored)" } else { "" };
        write!(f, "[{severity} {}]{ignored}: {}", self.id, self.what)?;
        if !self.fix.is_empty() {
            write!(f, "\n  fix: {}", self.fix)?;
        }
        Ok(())
    }
}

/// The findings of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The checks that were made, in kubeadm's order.
    pub checks: Vec<String>,
    /// Errors first, then warnings, each in the order of the checks.
    pub findings: Vec<Finding>,
    /// The consequences of ignored checks.
    pub consequences: Vec<Consequence>,
}

impl Report {
    /// The findings that stop the run.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Fails if a finding must be fixed first.
    pub fn verdict(&self, role: Role) -> Result<(), Unfit> {
        let errors: Vec<Finding> = self.errors().cloned().collect();
        if errors.is_empty() { Ok(()) } else { Err(Unfit { errors, role }) }
    }

    /// Fails if there is an error without an automatic fix.
    pub fn verdict_on_the_unfixable(&self, role: Role) -> Result<(), Unfit> {
        let errors: Vec<Finding> = self.errors().filter(|finding| finding.repair.is_none()).cloned().collect();
        if errors.is_empty() { Ok(()) } else { Err(Unfit { errors, role }) }
    }
}

/// The host is not ready.
#[derive(Debug, thiserror::Error)]
#[error("this host is not ready:\n{}", self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Unfit {
    /// Everything that must be fixed first; never empty.
    pub errors: Vec<Finding>,
    /// The role that the host was to have.
    pub role: Role,
}

impl Fault for Unfit {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Preflight
    }

    fn hint(&self) -> Option<String> {
        if self.errors.iter().any(|finding| finding.repair.is_some()) {
            return Some(match self.role {
                // The plan of a whole 'init' would hide the relevant part.
                Role::FirstControlPlane => "run 'kubewright preflight --fix --dry-run' (with the --config of this \
                                            command, if it has one) to see what can be fixed automatically; '--fix' \
                                            alone, there or here, fixes it"
                    .into(),
                Role::ControlPlane | Role::Worker => {
                    "run the same command with '--fix --dry-run' to see what can be fixed automatically, and with \
                     '--fix' to fix it"
                        .into()
                }
            });
        }
        let mut ignorable: Vec<&str> = Vec::new();
        for finding in self.errors.iter().filter(|finding| finding.vital.is_none()) {
            if !ignorable.contains(&finding.id.as_str()) {
                ignorable.push(&finding.id);
            }
        }
        Some(if ignorable.is_empty() {
            "fix it, then run the same command again".into()
        } else {
            format!(
                "fix it, then run the same command again; or, if you are sure, add --ignore-preflight-errors={}",
                ignorable.join(",")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_named_once_in_the_list_to_ignore() {
        let error = |id: &str| Finding::error(id, "", "", "");
        let errors = vec![error("A"), error("B"), error("A"), error("C").vital("x")];
        let hint = Unfit { errors, role: Role::Worker }.hint().unwrap();
        assert!(hint.ends_with("--ignore-preflight-errors=A,B"), "{hint}");
    }
}
