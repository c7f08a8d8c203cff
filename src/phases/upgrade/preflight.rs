//! Whether the rules and the checks of `upgrade plan` allow the upgrade of this host, and whether what it needs is there.
//! All obstacles are reported together, before anything changes.
//!
//! Reads: the cluster, etcd, this host. Writes: starts the pulls of the images that are missing.

use super::error::{Problem, UpgradeFailed};
use super::host;
use super::static_pod;
use crate::base::fault::{Failure, Result};
use crate::config::images;
use crate::context::upgrading::Scope;
use crate::context::{Context, Run, Upgrading};
use crate::kube::cluster::Cluster;
use crate::ops::upgrade_progress;
use crate::phases::check_ready::CheckReady;
use crate::pipeline::{Phase, Target};
use crate::pki::catalog::CERTS;
use crate::render::patches::Target as PatchTarget;
use crate::state::upgrade::checks::{Subject, cgroup_driver, review};
use crate::state::upgrade::cluster::{self, ClusterReading, kubelet_config};
use crate::state::upgrade::etcd;
use crate::state::upgrade::finding::{Finding, Review, Severity};
use crate::state::{manifests, patches, quorum, room, stored_config};
use crate::versions::Version;
use crate::versions::upgrade_policy::{Class, Violation};
use std::path::PathBuf;

/// The name for `--ignore-preflight-errors`.
const NODES: &str = "Nodes";
/// Settings of manifests that the stored configuration does not give.
const HAND_EDITS: &str = "HandEdits";

pub struct UpgradePreflight;

impl Phase<Upgrading> for UpgradePreflight {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<()> {
        quorum::require(cx)?;
        let api = cx.new_cluster()?;
        let scope = cx.work.purpose.scope;
        let mut problems = if scope == Scope::Worker { of_worker(cx, &api)? } else { of_cluster(cx, &api)? };
        if scope != Scope::Worker {
            let kept: Vec<PathBuf> = cx.work.kept.iter().map(|kept| kept.path.clone()).collect();
            // What an interrupted run has changed is waited for, or goes back, in the phase that changes it.
            let is_ready = if upgrade_progress::has_changed(cx, &kept)? { Ok(()) } else { CheckReady.run(cx, target) };
            let host = [("ComponentsReady", is_ready), ("DiskSpace", room::require(cx))];
            for (name, checked) in host {
                add(cx, &mut problems, name, checked)?;
            }
            let permitted = require_permitted(cx);
            add(cx, &mut problems, "Certificates", permitted)?;
        }
        let rendered = rendered(cx);
        add(cx, &mut problems, "Patches", rendered)?;
        let source = host::packages::source(cx).map(drop);
        add(cx, &mut problems, "Packages", source)?;
        let pods = host::pods::require_evictable(cx, &api);
        add(cx, &mut problems, "Drain", pods)?;
        refuse(cx, problems)?;
        if scope != Scope::Worker && cx.host.files.is_live() {
            let images = images::all(cx.cluster()?, cx.facts()?);
            cx.start_pulls(images.iter().map(ToString::to_string).collect())?;
        }
        // Nothing may be left halfway because an image is missing.
        cx.finish_pulls()
    }
}

/// Adds a check of this host that failed, unless the user ignores it.
fn add(cx: &Context, problems: &mut Vec<Problem>, name: &str, checked: Result<()>) -> Result<()> {
    let Err(failure) = checked else { return Ok(()) };
    if ignores(cx, name)? {
        cx.events.warning(format!("{name} is ignored: {failure}"));
    } else {
        problems.push(problem(name, &failure));
    }
    Ok(())
}

fn problem(name: &str, failure: &Failure) -> Problem {
    let what = failure.with_causes();
    let what = what.trim_end_matches("; nothing was changed").into();
    Problem { name: name.into(), place: "this host".into(), what, fix: failure.hint().unwrap_or_default() }
}

fn ignores(cx: &Context, name: &str) -> Result<bool> {
    let ignored = &cx.node()?.ignore_preflight_errors;
    Ok(ignored.iter().any(|one| one == "all" || *one == name.to_lowercase()))
}

fn refuse(cx: &Run<Upgrading>, problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let upgrade = &cx.work.purpose;
    let version = &cx.cluster()?.version;
    let (goal, can_force) = match upgrade.change {
        Some(_) => ("the change of this host".into(), false),
        None => (format!("the upgrade to {version}"), upgrade.scope != Scope::Worker),
    };
    Err(UpgradeFailed::Refused { goal, problems, can_force }.into())
}

/// The rules of versions, and the checks of `upgrade plan`.
fn of_cluster(cx: &mut Run<Upgrading>, api: &Cluster) -> Result<Vec<Problem>> {
    let reading = cluster::read(cx, api)?;
    let (target, minor, with_etcd) = (cx.cluster()?.version.clone(), cx.facts()?, cx.work.purpose.etcd);
    let etcd = etcd::read(cx, &reading);
    let subject =
        Subject { reading: &reading, etcd: &etcd, target: &target, minor, etcd_upgrade: with_etcd, hops: &[] };
    let ignored = cx.node()?.ignore_preflight_errors.clone();
    let review = review(cx, api, subject, &ignored);
    let mut problems = of_rules(cx, &reading, &target);
    problems.extend(of_review(cx, &review));
    problems.extend(of_order(cx, &reading)?);
    Ok(problems)
}

fn of_rules(cx: &Run<Upgrading>, reading: &ClusterReading, target: &Version) -> Vec<Problem> {
    let upgrade = &cx.work.purpose;
    let broken = reading.violations(target, upgrade.allow_experimental, upgrade.allow_release_candidates);
    let mut problems = Vec::new();
    for Violation { rule, class, place, what, fix } in broken {
        if class == Class::NeedsForce && upgrade.force {
            cx.events.warning(format!("{rule:?} ({place}): {what}"));
        } else {
            problems.push(Problem { name: format!("{rule:?}"), place, what, fix });
        }
    }
    problems
}

/// Errors stop the upgrade; the rest is shown. What could not be checked is shown, too: that is not a pass.
fn of_review(cx: &Run<Upgrading>, review: &Review) -> Vec<Problem> {
    let mut problems = Vec::new();
    // An interrupted run has left this host between two versions, which these checks would report.
    let resumed = cx.work.purpose.resumed;
    let is_ours = |name: &str| resumed && matches!(name, "ApiServerVersions" | HAND_EDITS);
    let is_ours = |finding: &Finding| is_ours(finding.check) || is_of_finish(cx, finding);
    let refuses_edits = changes_pods(cx) && !ignores(cx, HAND_EDITS).unwrap_or_default();
    for finding in review.findings.iter().filter(|finding| !is_ours(finding)) {
        let (name, place) = (finding.check, &finding.place);
        match finding.severity {
            // A user who changes one setting does not expect to lose others.
            Severity::Warning if name == HAND_EDITS && refuses_edits => problems.push(Problem {
                name: name.into(),
                place: place.clone(),
                what: finding.what.clone(),
                fix: finding.fix.clone(),
            }),
            Severity::Error => problems.push(Problem {
                name: name.into(),
                place: place.clone(),
                what: finding.what.clone(),
                fix: finding.fix.clone(),
            }),
            Severity::Warning => cx.events.warning(format!("{name} ({place}): {}; {}", finding.what, finding.fix)),
            Severity::Note => {}
        }
    }
    for unchecked in &review.not_checked {
        cx.events.message(format!("not checked: {}: {}", unchecked.check, unchecked.why));
    }
    problems
}

/// True for a change that replaces manifests. What the cluster stores already differs from them, and is not an edit.
fn changes_pods(cx: &Run<Upgrading>) -> bool {
    cx.work.purpose.change.is_some_and(|change| change.parts.components && !change.follows)
}

/// What the replacement of the kubelet changes, or an interrupted one has left.
fn is_of_finish(cx: &Run<Upgrading>, finding: &Finding) -> bool {
    let Some(finish) = &cx.work.purpose.finish else { return false };
    let is_own = cx.node().is_ok_and(|node| node.name == finding.place);
    finding.check == "KubeletFlags" || (finding.check == NODES && is_own && finish.begun.is_some())
}

/// `upgrade node` follows `upgrade apply`: another API server has the version of the stored configuration already.
fn of_order(cx: &Run<Upgrading>, reading: &ClusterReading) -> Result<Vec<Problem>> {
    if cx.work.purpose.scope != Scope::ControlPlane {
        return Ok(Vec::new());
    }
    let (target, own) = (&cx.cluster()?.version, &cx.node()?.name);
    let servers = reading.api_servers();
    let others = servers.iter().filter(|server| server.node != *own).filter_map(|server| server.version.as_ref());
    if servers.len() < 2 || others.max().is_some_and(|newest| newest >= target) {
        return Ok(Vec::new());
    }
    Ok(vec![Problem {
        name: "Order".into(),
        place: "cluster".into(),
        what: format!("the stored configuration is for {target}, but no other API server has that version"),
        fix: format!("run 'kubewright upgrade apply {target}' on one control plane first"),
    }])
}

/// A worker's kubelet must not be prepared for a version that the API server does not have yet.
fn of_worker(cx: &Run<Upgrading>, api: &Cluster) -> Result<Vec<Problem>> {
    let target = cx.cluster()?.version.clone();
    let mut problems = Vec::new();
    let (status, text) = api.text("/version")?;
    let server: Option<Version> = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|answer| answer["gitVersion"].as_str()?.parse().ok());
    match server {
        Some(server) if server.minor < target.minor => problems.push(Problem {
            name: "ApiServerVersion".into(),
            place: "cluster".into(),
            what: format!("the API server is {server}, older than the stored configuration ({target})"),
            fix: "upgrade all control planes first: run 'kubewright upgrade node' on each".into(),
        }),
        Some(_) => {}
        None if ignores(cx, NODES)? => {
            cx.events.warning(format!("the API server does not report its version ({status})"));
        }
        None => problems.push(Problem {
            name: NODES.into(),
            place: "cluster".into(),
            what: format!("the API server does not report its version: it responds with status {status}"),
            fix: "run 'kubectl version' on a control plane to see why".into(),
        }),
    }
    if stored_config::read(cx, api)?.is_none() {
        problems.push(Problem {
            name: NODES.into(),
            place: "cluster".into(),
            what: "the cluster has no stored configuration".into(),
            fix: "run 'kubewright upgrade plan' on a control plane".into(),
        });
    }
    if let Some((_, shared)) = kubelet_config(api, cx.cluster()?)? {
        let mut review = Review::default();
        review.add("CgroupDriver", cgroup_driver::check(cx, &shared));
        problems.extend(of_review(cx, &review.finish(&cx.node()?.ignore_preflight_errors)));
    }
    Ok(problems)
}

/// Fails if a CA may not sign a certificate that is renewed.
fn require_permitted(cx: &mut Run<Upgrading>) -> Result<()> {
    let store = cx.pki()?;
    for spec in CERTS.iter().filter(|spec| !spec.is_ca()) {
        if !static_pod::due_certificates(cx, &[spec.name])?.is_empty() {
            store.require_renewal_permitted(spec, cx.cluster()?, cx.node()?, cx.work.names)?;
        }
    }
    Ok(())
}

/// Fails if a manifest cannot be rendered, or a patch does not fit.
fn rendered(cx: &mut Run<Upgrading>) -> Result<()> {
    patches::load_for(cx, PatchTarget::KubeletConfiguration)?;
    if cx.work.purpose.scope != Scope::Worker {
        for name in manifests::pod_names() {
            manifests::text(cx, name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
