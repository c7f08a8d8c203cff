//! What checks find, and the report of all of them.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::net::IpAddr;

/// What the host is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The first node of a cluster.
    FirstControlPlane,
    /// One more control plane.
    ControlPlane,
    /// A worker.
    Worker,
}

/// What follows from an ignored check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Consequence {
    /// The `KubeletConfiguration` gets a field, unless the user set it.
    KubeletField {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: Value,
    },
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The cluster will not come up, or not stay up.
    Error,
    /// Worth knowing.
    Warning,
}

/// What `fix` can do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Repair {
    /// Make the runtime use this cgroup driver.
    CgroupDriver {
        /// `systemd` or `cgroupfs`.
        driver: String,
    },
    /// Let a service start at boot.
    EnableService {
        /// Its name.
        service: String,
    },
    /// Give the host's name an address in /etc/hosts.
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
    /// Make the runtime use this image to hold a pod's namespaces.
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
    /// Switch the runtime's Kubernetes interface on.
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
    /// The service of the container runtime that answers only once this is done.
    pub fn starts_runtime(&self) -> Option<&str> {
        match self {
            Self::StartService { service } => Some(service),
            Self::SwitchCriOn => Some("containerd"),
            _ => None,
        }
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The check's name: what `--ignore-preflight-errors` takes.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: one sentence without a full stop.
    pub what: String,
    /// Where: a path, a service, a port.
    #[serde(rename = "where")]
    pub place: String,
    /// What the user can do.
    pub fix: String,
    /// True when it was an error and the user chose to ignore it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignored: bool,
    /// What `--fix` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// Why it cannot be ignored, whatever the user chooses.
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
        let mut what = format!("this check failed: {fault}");
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

    /// The same finding with something that mends it.
    #[must_use]
    pub fn mended_by(mut self, repair: Repair) -> Self {
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

/// What all checks found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The checks that were made, in kubeadm's order.
    pub checks: Vec<String>,
    /// Errors first, then warnings, each in the order of the checks.
    pub findings: Vec<Finding>,
    /// What follows from the checks that were ignored.
    pub consequences: Vec<Consequence>,
}

impl Report {
    /// The findings that stop the work.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Fails when something was found that must be mended first.
    ///
    /// # Errors
    /// [`Unfit`], with every error.
    pub fn verdict(&self, role: Role) -> Result<(), Unfit> {
        let errors: Vec<Finding> = self.errors().cloned().collect();
        if errors.is_empty() { Ok(()) } else { Err(Unfit { errors, role }) }
    }

    /// Fails when something was found that no fix changes.
    ///
    /// # Errors
    /// [`Unfit`], with these errors only.
    pub fn verdict_on_the_unfixable(&self, role: Role) -> Result<(), Unfit> {
        let errors: Vec<Finding> = self.errors().filter(|finding| finding.repair.is_none()).cloned().collect();
        if errors.is_empty() { Ok(()) } else { Err(Unfit { errors, role }) }
    }
}

/// The host is not ready.
#[derive(Debug, thiserror::Error)]
#[error("this host is not ready:\n{}", self.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Unfit {
    /// Everything that must be mended first; never empty.
    pub errors: Vec<Finding>,
    /// What the host was to become.
    pub role: Role,
}

impl Fault for Unfit {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Preflight
    }

    fn hint(&self) -> Option<String> {
        if self.errors.iter().any(|finding| finding.repair.is_some()) {
            return Some(match self.role {
                // The plan of a whole 'init' would hide what is to be seen.
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
