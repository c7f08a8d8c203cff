//! Adds the renewal of certificates to the plans of control planes, and what cannot be renewed to the findings.

use super::host::{Action, HostPlan};
use super::renewal::{ends, of, seconds};
use crate::config::cluster::ClusterFile;
use crate::fleet::review::Finding;
use crate::fleet::survey::Seen;
use crate::pki::moment;
use crate::state::due::Obstacle;
use crate::state::host_facts::{CertificateFacts, HostFacts};

/// `is_seen`: a control plane has shown the cluster.
pub(super) fn add(
    file: &ClusterFile,
    seen: &[Seen],
    is_seen: bool,
    plans: &mut [HostPlan],
    findings: &mut Vec<Finding>,
) {
    for (plan, facts) in plans.iter_mut().zip(seen).filter_map(|(plan, seen)| Some((plan, seen.facts()?))) {
        refused(file, plan, facts, findings);
        let is_interrupted = facts.node.as_ref().is_some_and(|node| node.upgrading || node.change.is_some());
        let renewal = of(file, facts).filter(|_| plan.action == Action::Unchanged);
        // What was interrupted is continued first: its components may be what a renewal would wait for.
        plan.renewal = renewal.filter(|renewal| renewal.expired || !is_interrupted);
    }
    let expired: Vec<&str> = plans.iter().filter(|plan| plan.has_expired()).map(|plan| plan.host.as_str()).collect();
    if is_seen || expired.is_empty() {
        return;
    }
    let expired = expired.join(", ");
    findings.push(Finding::warning(
        format!("certificates of {expired} have expired, and the cluster does not respond: they are renewed, and nothing else is done"),
        "apply again afterwards",
    ));
    for plan in plans.iter_mut().filter(|plan| plan.action == Action::Impossible) {
        plan.why = format!("its cluster does not respond before the certificates of {expired} are renewed");
        plan.help = Some("apply again afterwards".into());
    }
}

/// What expires and cannot be renewed on its host.
fn refused(file: &ClusterFile, plan: &HostPlan, facts: &HostFacts, findings: &mut Vec<Finding>) {
    let Some(node) = &facts.node else { return };
    for obstacle in [Obstacle::NoCaKey, Obstacle::CaExpires] {
        let is_one =
            |certificate: &&CertificateFacts| certificate.obstacle == Some(obstacle) && ends(file, facts, certificate);
        let names: Vec<&str> = node.certificates.iter().filter(is_one).map(|one| one.name.as_str()).collect();
        let Some(first) = node.certificates.iter().find(is_one) else { continue };
        let verb = if first.not_after <= seconds(facts) { "expired" } else { "expires" };
        let more = if names.len() > 1 { format!(", the first of {}", names.join(", ")) } else { String::new() };
        let text = format!("{} of {} {verb} on {}{more}", first.name, plan.host, moment::text(first.not_after));
        findings.push(match obstacle {
            Obstacle::NoCaKey => Finding::warning(
                format!("{text}; not renewed, because the host does not have the key of the CA"),
                "if the CA is external, run 'kubewright certs generate-csr' on the host, and 'kubewright certs import' with what it signs; \
                 otherwise copy the key from another control plane",
            ),
            Obstacle::CaExpires => Finding::warning(
                format!("{text}, together with its CA; not renewed, because no certificate outlives its CA"),
                "run 'kubewright certs rotate-ca trust' on a control plane",
            ),
        });
    }
}
