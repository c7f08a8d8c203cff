//! Goes back to what this host ran before the upgrade, if a component does not become ready.
//!
//! The manifests, certificates, kubeconfigs and kubelet files of this host and the objects of the cluster that the upgrade
//! has changed get their former content, also what an interrupted run changed. Then each component must be ready with it, and
//! those that have not changed must be ready again.
//! An etcd that is ready with a newer minor version stays: the older program may not read the data any more.
//!
//! Reads: the copies of the files, the container runtime, the ports. Writes: those files and objects.

use super::component::{Cause, consumer, files, settle};
use super::error::UpgradeFailed;
use super::explained::explain;
use super::host::proof::prove;
use super::recovered::recovered;
use crate::base::fault::{Failure, Result};
use crate::context::{Run, Upgrading};
use crate::domain::paths::{KUBELET_CONFIG, manifest};
use crate::host::service::Services;
use crate::kube::kind::ObjectRef;
use crate::ops::rollback::{self, Rollback};
use crate::ops::running::Running;
use crate::ops::upgrade_progress;
use crate::state::manifests;
use crate::state::static_pod::StaticPod;
use crate::state::upgrade::component::numbers;
use serde_json::Value;
use std::path::PathBuf;

const ETCD: &str = "etcd";

/// Goes back, and returns the failure of the component with where everything stands.
pub fn go_back(cx: &mut Run<Upgrading>, component: &str, failure: &Failure, host: &dyn Running) -> Failure {
    // The logs of the new container go with it.
    let name = component.strip_prefix("the ").unwrap_or(component);
    let cause = explain(cx, name, failure);
    cx.events.warning(format!("{component} did not become ready: this host goes back to what it ran before"));
    let outcome = match restore(cx, component, host) {
        Ok(outcome) => outcome,
        Err(other) => format!(
            "The files from before the upgrade were not restored completely: {other}; run the same command again to continue"
        ),
    };
    let goal = cx.cluster().map(|cluster| cx.work.purpose.goal(&cluster.version)).unwrap_or_default();
    UpgradeFailed::NotReady { component: component.into(), goal, cause, outcome }.into()
}

fn restore(cx: &mut Run<Upgrading>, failed: &str, host: &dyn Running) -> Result<String> {
    let keeps_etcd = failed != ETCD && is_of_newer_minor(cx)?;
    let mut affected = Vec::new();
    let mut certificates: Vec<PathBuf> = rollback::admin_files();
    let mut others: Vec<PathBuf> = Vec::new();
    for name in manifests::pod_names().filter(|name| !(keeps_etcd && *name == ETCD)) {
        let Some(consumer) = consumer(name) else { continue };
        let own = files(cx, consumer)?;
        if upgrade_progress::has_changed(cx, &own)? {
            let path = manifest(name);
            let cause = upgrade_progress::has_changed(cx, std::slice::from_ref(&path))?;
            affected.push((consumer, if cause { Cause::Manifest } else { Cause::Certificates }));
        }
        certificates.extend(own.into_iter().filter(|path| *path != manifest(name)));
        others.push(manifest(name));
    }
    let kept: Vec<PathBuf> = cx.work.kept.iter().map(|kept| kept.path.clone()).collect();
    let of_etcd = match consumer(ETCD) {
        Some(etcd) => files(cx, etcd)?,
        None => Vec::new(),
    };
    let is_change = cx.work.purpose.change.is_some();
    let restarts_kubelet = is_change && upgrade_progress::has_changed(cx, &[KUBELET_CONFIG.into()])?;
    let stays = |path: &PathBuf| keeps_etcd && of_etcd.contains(path);
    others.extend(kept.into_iter().filter(|path| !certificates.contains(path) && !stays(path)));
    // Certificates by themselves: expired ones are not restored, and manifests are.
    let keeps_certificates = rollback::restore(cx, &certificates)? == Rollback::Expired;
    rollback::restore(cx, &others)?;
    for path in cx.work.purpose.created.clone() {
        cx.host.files.remove(&path)?;
    }
    let mut result = Restored { keeps_etcd, keeps_certificates, ..Restored::default() };
    // It has read what was changed, and has to start the static Pods.
    if restarts_kubelet && let Err(failure) = restart_kubelet(cx) {
        result.failures.push(format!("The kubelet is not ready with them: {failure}."));
    }
    for (consumer, cause) in &affected {
        match settle(cx, consumer, *cause, host) {
            Ok(()) => result.ready.push(consumer.component),
            Err(failure) => result.failures.push(format!("Not ready with them: {}: {failure}.", consumer.component)),
        }
    }
    let changed: Vec<&str> = affected.iter().map(|(consumer, _)| consumer.component).collect();
    if !changed.is_empty() && result.failures.is_empty() {
        result.failures.extend(others_recovered(cx, &changed, host));
    }
    if let Err(failure) = restore_objects(cx) {
        result.failures.push(format!("The ConfigMaps of the cluster were not restored: {failure}."));
    }
    outcome(cx, &result)
}

/// Waits for the components that were not changed. Returns why one is not ready.
fn others_recovered(cx: &mut Run<Upgrading>, changed: &[&str], host: &dyn Running) -> Option<String> {
    for name in manifests::pod_names().filter(|name| !changed.contains(name)) {
        let Some(consumer) = consumer(name).filter(|_| cx.host.files.exists(&manifest(name))) else { continue };
        if let Err(failure) = recovered(cx, consumer, host) {
            return Some(format!("Not ready again: {name}: {failure}."));
        }
    }
    None
}

fn restart_kubelet(cx: &mut Run<Upgrading>) -> Result<()> {
    Services::of(&cx.host).restart("kubelet")?;
    prove(cx, None)
}

/// True if etcd runs with another minor version than before the upgrade.
fn is_of_newer_minor(cx: &Run<Upgrading>) -> Result<bool> {
    let path = manifest(ETCD);
    let Some(kept) = cx.work.kept.iter().find(|kept| kept.path == path) else { return Ok(false) };
    let minor = |pod: &StaticPod| numbers(pod.tag().unwrap_or_default()).into_iter().take(2).collect::<Vec<_>>();
    let now = StaticPod::parse(&cx.host.files.read(&path)?.unwrap_or_default());
    Ok(minor(&now) > minor(&StaticPod::parse(kept.bytes.expose())))
}

/// The data of the objects, as they were.
fn restore_objects(cx: &mut Run<Upgrading>) -> Result<()> {
    let objects = cx.work.purpose.objects.clone();
    if objects.is_empty() {
        return Ok(());
    }
    let cluster = cx.new_cluster()?;
    for before in &objects {
        let Some(name) = ObjectRef::of(before) else { continue };
        cluster.modify(&name, |live| put_back(live, before))?;
    }
    Ok(())
}

fn put_back(live: &mut Value, before: &Value) {
    live["data"] = before["data"].clone();
    for (name, value) in before["metadata"]["annotations"].as_object().into_iter().flatten() {
        live["metadata"]["annotations"][name] = value.clone();
    }
}

/// What was restored, and what was not.
#[derive(Default)]
struct Restored {
    ready: Vec<&'static str>,
    failures: Vec<String>,
    keeps_etcd: bool,
    keeps_certificates: bool,
}

/// Where everything stands.
fn outcome(cx: &Run<Upgrading>, result: &Restored) -> Result<String> {
    let upgrade = &cx.work.purpose;
    let before = match &upgrade.before {
        _ if upgrade.change.is_some() => "its former configuration".into(),
        Some(version) => version.to_string(),
        None => "its former version".into(),
    };
    let mut text = if result.failures.is_empty() {
        upgrade_progress::forget(cx)?;
        format!("This host is back at {before}: the old files were restored.")
    } else {
        format!("The files of {before} were restored. {}", result.failures.join(" "))
    };
    if !result.ready.is_empty() {
        text += &format!(" Ready with them: {}.", result.ready.join(", "));
    }
    if result.keeps_certificates {
        text += " Renewed certificates stay, because the old ones have expired.";
    }
    if result.keeps_etcd {
        text += " etcd stays at its new version, with which it is ready: older ones may not read its data.";
    }
    if let Some(snapshot) = upgrade.snapshot.as_ref().filter(|_| !result.failures.is_empty()) {
        text += &format!(" A snapshot of etcd from before the upgrade is {}.", snapshot.display());
    }
    Ok(text)
}
