//! What is wrong in a view, and in which order it explains the rest. Pure.

mod certificates;
mod clock;
mod components;
mod etcd;
mod host;
mod nodes;
mod rest;
#[cfg(test)]
mod tests;
mod wording;

use super::causes::{Cause, Severity};
use super::view::View;
use crate::domain::paths::manifest;
use std::path::Path;

/// Every cause: the most severe first and, of those, the most basic one. `now` is in seconds since the epoch.
pub(super) fn causes(view: &View, now: i64) -> Vec<Cause> {
    let mut causes = Vec::new();
    host::add(view, &mut causes);
    clock::add(view, now, &mut causes);
    certificates::add(view, &mut causes);
    etcd::add(view, &mut causes);
    nodes::add(view, &mut causes);
    components::add(view, &mut causes);
    rest::add(view, &mut causes);
    explain_own_member(view, &mut causes);
    explain_lost_majority(view, &mut causes);
    // The same thing may be seen here and in the API.
    let mut seen: Vec<(&str, String)> = Vec::new();
    causes.retain(|cause: &Cause| {
        let key = (cause.id, cause.place.clone());
        let is_new = !seen.contains(&key);
        seen.push(key);
        is_new
    });
    causes.sort_by_key(|cause| (std::cmp::Reverse(cause.severity), cause.rank()));
    causes
}

/// While something keeps the member of this host from running, that comes first: a recovery gives up what other members hold.
fn explain_lost_majority(view: &View, causes: &mut [Cause]) {
    let (Some(host), Some(etcd)) = (&view.host, &view.etcd) else { return };
    let is_missing = etcd.members.iter().any(|member| member.name == host.name && member.problem.is_some());
    let stops = |cause: &Cause| match cause.id {
        "RuntimeDown" | "KubeletStopped" | "KubeletFailing" => cause.place == host.name,
        "CertificateExpired" => cause.severity == Severity::Critical,
        _ => false,
    };
    if !is_missing || !causes.iter().any(stops) {
        return;
    }
    for lost in causes.iter_mut().filter(|cause| cause.id == "EtcdQuorumLost") {
        lost.next = "first fix what keeps the member of this host from running, and the same on the other control planes: etcd \
                     continues when a majority of its members runs. Only if hosts are gone for good, read docs/quorum.md"
            .into();
    }
}

/// What stops the etcd of this host is the cause; that its member is missing follows from it, and removing the member
/// would be wrong.
fn explain_own_member(view: &View, causes: &mut Vec<Cause>) {
    let Some(host) = &view.host else { return };
    let is_own = |cause: &Cause| cause.id == "EtcdMemberLost" && cause.place == host.name;
    let Some(lost) = causes.iter().position(is_own) else { return };
    let explains = |cause: &&mut Cause| match cause.id {
        "RuntimeDown" | "KubeletStopped" | "KubeletFailing" => cause.place == host.name,
        "ManifestMissing" | "ManifestBroken" | "ManifestEdited" => Path::new(&cause.place) == manifest("etcd"),
        "ComponentCrashing" => cause.place == format!("etcd on {}", host.name),
        _ => false,
    };
    let lost = causes.remove(lost);
    match causes.iter_mut().filter(explains).min_by_key(|cause| cause.rank()) {
        Some(cause) => (cause.severity, cause.why) = (cause.severity.max(lost.severity), lost.why),
        None => causes.push(lost),
    }
}
