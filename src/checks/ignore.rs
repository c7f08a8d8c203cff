//! Checks that the user chose to ignore, and what follows from that.
//!
//! Ignoring a check does not make its cause go away. Where something can be set so that the cluster
//! comes up all the same, it is set; where nothing can, ignoring is refused with the reason.

use super::finding::{Finding, Severity};
use super::inputs::Inputs;
use serde::Serialize;

/// What follows from an ignored check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Consequence {
    /// The `KubeletConfiguration` gets a field, unless the user set it.
    KubeletField {
        /// Its name.
        field: &'static str,
        /// Its value.
        value: bool,
    },
}

/// True when the list names the check, or `all`.
pub fn is_ignored(list: &[String], id: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case("all") || entry.eq_ignore_ascii_case(id))
}

/// Turns ignored errors into warnings and collects what follows.
pub fn apply(inputs: &Inputs<'_>, findings: &mut [Finding]) -> Vec<Consequence> {
    let mut consequences = Vec::new();
    let errors = findings.iter_mut().filter(|finding| finding.severity == Severity::Error);
    for finding in errors.filter(|finding| is_ignored(&inputs.node.ignore_preflight_errors, &finding.id)) {
        if let Some(reason) = refusal(inputs, finding) {
            finding.what = format!("{}; this cannot be ignored: {reason}", finding.what);
            continue;
        }
        finding.severity = Severity::Warning;
        finding.ignored = true;
        consequences.extend(consequence(inputs, finding));
    }
    consequences.sort();
    consequences.dedup();
    consequences
}

/// Why the work could not succeed whatever the user chose; None when it could.
fn refusal(inputs: &Inputs<'_>, finding: &Finding) -> Option<&'static str> {
    match finding.id.as_str() {
        "IsPrivilegedUser" => Some("every later step needs root"),
        "CRI" => Some("without a container runtime nothing can be started"),
        // With its own bind address the API server may share the port with a listener on another one.
        id if id == format!("Port-{}", inputs.node.local_endpoint.bind_port) => {
            let bound =
                inputs.cluster.is_some_and(|c| c.api_server.extra_args.iter().any(|arg| arg.name == "bind-address"));
            (!bound).then_some("the API server could not start on this port")
        }
        id if id.starts_with("Writable-") => Some("the files of the cluster have to be written there"),
        _ => None,
    }
}

fn consequence(inputs: &Inputs<'_>, finding: &Finding) -> Option<Consequence> {
    match finding.id.as_str() {
        "Swap" => Some(Consequence::KubeletField { field: "failSwapOn", value: false }),
        "SystemVerification" if finding.place == super::system::CGROUP_PLACE && inputs.minor() >= 35 => {
            Some(Consequence::KubeletField { field: "failCgroupV1", value: false })
        }
        _ => None,
    }
}
