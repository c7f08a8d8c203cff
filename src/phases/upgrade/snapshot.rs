//! A snapshot of etcd before its version changes, or the versions in which objects are stored.
//!
//! Reads: etcd and its manifest. Writes: a file in `/var/lib/kubewright/snapshots`, verified; removes old ones there.

use super::error::UpgradeFailed;
use super::static_pod::wanted;
use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::{Context, Run, Saving, Upgrading};
use crate::domain::paths::manifest;
use crate::ops::upgrade_progress;
use crate::phases::etcd_snapshot::{check, prune, save};
use crate::pipeline::{Phase, Target};
use crate::state::snapshots;
use crate::state::static_pod::StaticPod;
use std::path::PathBuf;

/// As many as 'etcd snapshot save' keeps.
const KEPT: usize = 5;

pub struct SaveBefore;

impl Phase<Upgrading> for SaveBefore {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Upgrading>, _: &Target) -> Result<()> {
        if !is_needed(cx)? {
            return Ok(());
        }
        if let Some(there) = cx.work.purpose.snapshot.as_ref().filter(|path| cx.host.files.exists(path)) {
            cx.events.message(format!("{} has etcd from before the upgrade", there.display()));
            return Ok(());
        }
        let saved = save(cx).map_err(UpgradeFailed::NoSnapshot)?;
        cx.work.purpose.snapshot = Some(saved);
        upgrade_progress::record(cx)
    }
}

/// True if the version of etcd changes, or the minor version of Kubernetes on this host.
fn is_needed(cx: &Run<Upgrading>) -> Result<bool> {
    if matches!(cx.cluster()?.etcd, Etcd::External(_)) {
        return Ok(false);
    }
    let minor = cx.work.purpose.before.as_ref().map(|version| version.minor);
    if minor != Some(cx.cluster()?.version.minor) {
        return Ok(true);
    }
    let Some(text) = wanted(cx, "etcd")? else { return Ok(false) };
    let there = StaticPod::parse(&cx.host.files.read(&manifest("etcd"))?.unwrap_or_default());
    Ok(there.image() != StaticPod::parse(text.as_bytes()).image())
}

/// Saves it as 'etcd snapshot save' does.
fn save(cx: &Context) -> Result<PathBuf> {
    let file = snapshots::new_path(&cx.host.files, cx.host.clock.now());
    let mut saving = Saving {
        file: file.clone(),
        keep: Some(KEPT),
        overwrite: false,
        source: None,
        saved: None,
        removed: Vec::new(),
    };
    check::check(cx, &mut saving)?;
    save::save(cx, &mut saving)?;
    prune::prune(cx, &mut saving)?;
    Ok(file)
}
