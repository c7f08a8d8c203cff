//! Checks that the user chose to ignore, and the consequences.
//!
//! Ignoring a check does not remove its cause. If a setting lets the cluster start nevertheless, it is set; otherwise
//! ignoring is refused with the reason.

use super::finding::Consequence;
use super::finding::{Finding, Repair, Severity};
use super::inputs::Inputs;

/// True if the list contains the check, or `all`.
pub fn is_ignored(list: &[String], id: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case("all") || entry.eq_ignore_ascii_case(id))
}

/// Turns ignored errors into warnings and collects the consequences.
pub fn apply(inputs: &Inputs<'_>, findings: &mut [Finding]) -> Vec<Consequence> {
    let mut consequences = Vec::new();
    let errors = findings.iter_mut().filter(|finding| finding.severity == Severity::Error);
    for finding in errors.filter(|finding| is_ignored(&inputs.node.ignore_preflight_errors, &finding.id)) {
        finding.vital = finding.vital.or_else(|| refusal(finding));
        if let Some(reason) = finding.vital {
            finding.what = format!("{}; this cannot be ignored: {reason}", finding.what);
            continue;
        }
        finding.severity = Severity::Warning;
        finding.ignored = true;
        let follows = consequence(inputs, finding);
        consequences.extend(follows.into_iter().filter(|new| !consequences.contains(new)).collect::<Vec<_>>());
    }
    consequences
}

/// Why the run could not succeed if the check was ignored; None if it could. If that depends on more than the name of
/// the check, the check itself reports it.
fn refusal(finding: &Finding) -> Option<&'static str> {
    match finding.id.as_str() {
        "IsPrivilegedUser" => Some("every later step needs root"),
        "CRI" => Some("no container can be started without a container runtime"),
        id if id.starts_with("Writable-") => Some("the files of the cluster must be written there"),
        _ => None,
    }
}

fn consequence(inputs: &Inputs<'_>, finding: &Finding) -> Option<Consequence> {
    let (field, value) = match (finding.id.as_str(), &finding.repair) {
        ("Swap", _) => ("failSwapOn", false.into()),
        // The fix for the runtime uses the kubelet's setting; if the check is ignored, the kubelet uses the runtime's.
        ("CgroupDriver", Some(Repair::CgroupDriver { driver } | Repair::DockerCgroupDriver { driver })) => {
            ("cgroupDriver", if driver == "systemd" { "cgroupfs" } else { "systemd" }.into())
        }
        ("SystemVerification", _) if finding.place == super::system::CGROUP_PLACE && inputs.minor() >= 35 => {
            ("failCgroupV1", false.into())
        }
        _ => return None,
    };
    Some(Consequence::KubeletField { field, value })
}
