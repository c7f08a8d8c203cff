//! A static Pod of this host for the target version, and the certificates of its component.
//!
//! A manifest that is the same Pod already is not written. Otherwise the component's certificates are renewed, the manifest
//! is written, and the component must become ready under its new image and stay so. If it does not, this host goes back.
//!
//! Reads: the configuration and the patches, the manifest, the container runtime, the component's port. Writes: the
//! certificates and the kubeconfig of the component, with copies of the old ones; its manifest.

use super::component::{self, Cause, certificates, consumer, files};
use super::going_back::go_back;
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::upgrading::Certificates;
use crate::context::{Context, Run, Upgrading};
use crate::domain::paths::manifest;
use crate::ops::running::{Running, ThisHost};
use crate::ops::{renewal, report, signer_copy, upgrade_progress};
use crate::pipeline::{Phase, Target};
use crate::pki::moment;
use crate::state::consumers::Consumer;
use crate::state::manifests;
use crate::state::renewable::Row;
use crate::state::static_pod::StaticPod;
use crate::state::upgrade::component::numbers;
use crate::state::upgrade::same_pod::same_pod;
use std::path::PathBuf;

const ETCD: &str = "etcd";
/// Only root may see flags, some of which name credentials.
const MANIFEST_MODE: u32 = 0o600;

pub struct UpgradeStaticPod;

impl Phase<Upgrading> for UpgradeStaticPod {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn keys_wanted(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<usize> {
        let Some(consumer) = consumer(name(target)) else { return Ok(0) };
        Ok(due_certificates(cx, &certificates(consumer))?.len())
    }

    fn run(&self, cx: &mut Run<Upgrading>, target: &Target) -> Result<()> {
        cx.finish_pulls()?;
        let Some(consumer) = consumer(name(target)) else { return Ok(()) };
        let host = ThisHost::find(cx)?;
        upgrade(cx, consumer, &host)
    }
}

/// The component of `control-plane/kube-apiserver`.
fn name(target: &Target) -> &str {
    target.path.rsplit('/').next().unwrap_or_default()
}

/// Brings one component to the target version.
pub fn upgrade(cx: &mut Run<Upgrading>, consumer: &'static Consumer, host: &dyn Running) -> Result<()> {
    let name = consumer.component;
    let path = manifest(name);
    finish_pairs(cx, consumer)?;
    let wanted = wanted(cx, name)?;
    let due = due_certificates(cx, &certificates(consumer))?;
    let own = files(cx, consumer)?;
    // An interrupted run may have changed them without having seen the component ready.
    let begun = upgrade_progress::has_changed(cx, &own)?;
    if wanted.is_none() && due.is_empty() && !begun {
        return Ok(());
    }
    host.require_kubelet(cx)?;
    upgrade_progress::keep(cx, &own.iter().filter(|file| cx.host.files.exists(file)).cloned().collect::<Vec<_>>())?;
    renew(cx, &due)?;
    let rewritten = wanted.is_some();
    if let Some(text) = wanted {
        signer_copy::keep(cx, name)?;
        let written = cx.host.files.write(&path, &Content::public(text), MANIFEST_MODE)?;
        report::written(cx, &path, written);
    }
    let manifest_changed = rewritten || upgrade_progress::has_changed(cx, std::slice::from_ref(&path))?;
    let cause = if manifest_changed { Cause::Manifest } else { Cause::Certificates };
    match component::settle(cx, consumer, cause, host) {
        Ok(()) => {
            cx.events.message(format!("{name} is ready with its new files"));
            Ok(())
        }
        Err(failure) => Err(go_back(cx, name, &failure, host)),
    }
}

/// A killed run may have replaced a key without its certificate.
fn finish_pairs(cx: &mut Context, consumer: &Consumer) -> Result<()> {
    for name in certificates(consumer) {
        if let Row::Cert(spec) = Row::named(name)? {
            renewal::finish_replacement(cx, spec)?;
        }
    }
    Ok(())
}

/// The manifest to write; None if the one on disk is the same Pod, or stays.
pub fn wanted(cx: &Run<Upgrading>, name: &str) -> Result<Option<String>> {
    if name == ETCD && !cx.work.purpose.etcd {
        return Ok(None);
    }
    let Some(text) = manifests::text(cx, name)? else { return Ok(None) };
    let there = cx.host.files.read(&manifest(name))?.unwrap_or_default();
    if same_pod(name, &there, text.as_bytes()) {
        return Ok(None);
    }
    let (old, new) = (StaticPod::parse(&there), StaticPod::parse(text.as_bytes()));
    let tags = [&old, &new].map(|pod| numbers(pod.tag().unwrap_or_default()));
    if name == ETCD && !tags[1].is_empty() && tags[0] > tags[1] {
        // Older programs do not read newer data.
        return Ok(None);
    }
    Ok(Some(text))
}

/// Those of the certificates and kubeconfigs that this run renews.
pub fn due_certificates(cx: &mut Run<Upgrading>, names: &[&'static str]) -> Result<Vec<&'static str>> {
    let upgrade = &cx.work.purpose;
    let wants = match upgrade.certificates {
        Certificates::Stay => false,
        Certificates::WithPods => upgrade.pods_change,
        Certificates::Renew => true,
    };
    let mut due = Vec::new();
    for name in names.iter().filter(|_| wants) {
        let row = Row::named(name)?;
        let files = row.files(cx)?;
        let ca_key = cx.pki()?.key_path(row.ca()?);
        let half_done = files.first().is_some_and(|file| cx.host.files.exists(&file.with_extension("renewing")));
        let exist = half_done || files.iter().all(|file| cx.host.files.exists(file));
        // An external CA signs them itself.
        if exist && cx.host.files.exists(&ca_key) && !is_renewed(cx, &files)? {
            due.push(*name);
        }
    }
    Ok(due)
}

/// True if an earlier run of this upgrade has renewed it.
fn is_renewed(cx: &Run<Upgrading>, files: &[PathBuf]) -> Result<bool> {
    Ok(cx.work.purpose.resumed && upgrade_progress::has_changed(cx, files)?)
}

/// Renews them.
pub fn renew(cx: &mut Run<Upgrading>, names: &[&'static str]) -> Result<()> {
    for name in names {
        let renewed = match Row::named(name)? {
            Row::Cert(spec) => renewal::cert(cx, spec)?,
            Row::Kubeconfig(spec) => renewal::kubeconfig(cx, spec)?,
        };
        let (serial, end) = (&renewed.new.serial, moment::text(renewed.new.not_after));
        cx.events.message(format!("renewed {name} (serial {serial}, expires {end})"));
        cx.work.renewed.push(renewed);
    }
    Ok(())
}
