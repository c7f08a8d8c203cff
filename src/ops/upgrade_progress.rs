//! Records how far the upgrade of this host came, and keeps what it changes as it was, for a way back.
//!
//! Reads: the files that are changed, `/var/lib/kubewright/upgrade.json` and the backup of an interrupted run. Writes: the
//! backup; the record, which is internal bookkeeping and not in the plan.

use crate::base::fault::Result;
use crate::base::secret::Secret;
use crate::context::renewal::Kept;
use crate::context::{Context, Run, Upgrading};
use crate::ops::{bookkeeping, renewal};
use crate::state::upgrade::progress::{PROGRESS_FILE, Progress};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Keeps these files as they are now, before they change. What an earlier run of this upgrade has kept stays.
pub fn keep(cx: &mut Run<Upgrading>, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        if cx.work.kept.iter().any(|kept| kept.path == *path) || cx.work.purpose.created.contains(path) {
            continue;
        }
        if cx.host.files.exists(path) {
            renewal::back_up(cx, path)?;
        } else {
            cx.work.purpose.created.push(path.clone());
        }
    }
    record(cx)
}

/// Keeps an object of the cluster as it is now.
pub fn keep_object(cx: &mut Run<Upgrading>, object: &Value) -> Result<()> {
    let is_it = |kept: &Value| ["kind", "metadata"].iter().all(|key| name(&kept[key]) == name(&object[key]));
    if cx.work.purpose.objects.iter().any(is_it) {
        return Ok(());
    }
    cx.work.purpose.objects.push(object.clone());
    record(cx)
}

fn name(part: &Value) -> &Value {
    if part.is_object() { &part["name"] } else { part }
}

/// Writes the record.
pub fn record(cx: &Run<Upgrading>) -> Result<()> {
    let (renewal, upgrade) = (&cx.work, &cx.work.purpose);
    let progress = Progress {
        from: upgrade.before.clone(),
        to: Some(cx.cluster()?.version.clone()),
        backup: renewal.backup.clone(),
        kept: renewal.kept.iter().map(|kept| (kept.path.clone(), kept.mode)).collect(),
        created: upgrade.created.clone(),
        objects: upgrade.objects.clone(),
        snapshot: upgrade.snapshot.clone(),
        finish: upgrade.finish.as_ref().and_then(|finish| finish.begun.clone()),
        change: upgrade.change.map(|change| change.parts),
    };
    bookkeeping::write(cx, Path::new(PROGRESS_FILE), &progress)
}

/// Removes the record: the upgrade is complete, or this host is as before.
pub fn forget(cx: &Context) -> Result<()> {
    bookkeeping::remove(cx, Path::new(PROGRESS_FILE))
}

/// Takes over what an interrupted run has kept. Its backup directory is used again.
pub fn resume(cx: &mut Run<Upgrading>, progress: Progress) -> Result<()> {
    let mut kept = Vec::new();
    for (path, mode) in progress.kept {
        let copy = progress.backup.join(path.strip_prefix("/").unwrap_or(&path));
        if let Some(bytes) = cx.host.files.read(&copy)?.map(Secret::new) {
            kept.push(Kept { path, bytes, mode });
        }
    }
    cx.backup = Some(progress.backup.clone());
    (cx.work.kept, cx.work.backup) = (kept, progress.backup);
    let upgrade = &mut cx.work.purpose;
    upgrade.resumed = true;
    upgrade.before = progress.from.or_else(|| upgrade.before.take());
    (upgrade.created, upgrade.objects) = (progress.created, progress.objects);
    upgrade.snapshot = progress.snapshot;
    if let (Some(change), Some(parts)) = (&mut upgrade.change, progress.change) {
        change.parts = change.parts.or(parts);
    }
    if let Some(finish) = &mut upgrade.finish {
        finish.begun = progress.finish;
    }
    Ok(())
}

/// All but the kubelet is upgraded and ready: from now on only the files that `is_of_kubelet` accepts go back, if its
/// replacement fails.
pub fn keep_only(cx: &mut Run<Upgrading>, is_of_kubelet: impl Fn(&Path) -> bool) {
    cx.work.kept.retain(|kept| is_of_kubelet(&kept.path));
    let upgrade = &mut cx.work.purpose;
    upgrade.created.retain(|path| is_of_kubelet(path));
    upgrade.objects.clear();
}

/// True if this upgrade has changed one of the files, in this run or an earlier one.
pub fn has_changed(cx: &Run<Upgrading>, paths: &[PathBuf]) -> Result<bool> {
    for kept in cx.work.kept.iter().filter(|kept| paths.contains(&kept.path)) {
        if cx.host.files.read(&kept.path)?.as_deref() != Some(kept.bytes.expose()) {
            return Ok(true);
        }
    }
    Ok(cx.work.purpose.created.iter().any(|path| paths.contains(path) && cx.host.files.exists(path)))
}
