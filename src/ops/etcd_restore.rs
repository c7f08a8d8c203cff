//! Records how far a restore came, and goes back to the data of before.
//!
//! Reads: the data directory, the container runtime. Writes: the progress of the run in `/var/lib/kubewright/etcd-restore.json`, which
//! is internal bookkeeping and not in the plan; the manifests of etcd and the API server; the names of the data directories.

use super::etcd_recovery;
use crate::base::fault::Result;
use crate::base::files::Content;
use crate::context::Context;
use crate::context::etcd_task::RestoreProgress;
use crate::domain::paths::manifest;
use crate::host::{removal, tree_move};
use crate::ops::bookkeeping;
use crate::state::etcd_restore::{PROGRESS_FILE, progress};
use std::path::Path;

const API_SERVER: &str = "kube-apiserver";
/// Only root may see flags.
const MANIFEST_MODE: u32 = 0o600;

/// Records how far this run came.
pub fn record(cx: &Context, progress: &RestoreProgress) -> Result<()> {
    bookkeeping::write(cx, Path::new(PROGRESS_FILE), progress)
}

fn forget(cx: &Context) -> Result<()> {
    bookkeeping::remove(cx, Path::new(PROGRESS_FILE))
}

/// Stops the API server, then etcd.
pub fn stop(cx: &Context, progress: &RestoreProgress) -> Result<()> {
    if progress.api_server.is_some() {
        etcd_recovery::stop_component(cx, API_SERVER)?;
    }
    etcd_recovery::stop(cx)
}

/// The prepared data has got its place.
pub fn is_swapped(cx: &Context, progress: &RestoreProgress) -> bool {
    progress.is_prepared && !cx.host.files.exists(&progress.prepared.join("member"))
}

/// Puts the prepared data in the place of the present data, which is kept; true if there was any.
pub fn swap(cx: &Context, progress: &RestoreProgress) -> Result<bool> {
    let (member, kept) = (data_dir(progress).join("member"), progress.aside.join("member"));
    let had_data = cx.host.files.exists(&member);
    if had_data {
        tree_move::rename(&cx.host, &member, &kept)?;
    }
    tree_move::rename(&cx.host, &progress.prepared.join("member"), &member)?;
    Ok(had_data)
}

/// Writes the API server's manifest as it was.
pub fn start_api_server(cx: &Context, progress: &RestoreProgress) -> Result<()> {
    if let Some(text) = &progress.api_server {
        cx.host.files.write(&manifest(API_SERVER), &Content::public(text.as_str()), MANIFEST_MODE)?;
    }
    Ok(())
}

/// Goes back to the data of before unless etcd already works with the restored data; true if there was something to undo.
pub fn put_back(cx: &Context) -> Result<bool> {
    let Some(progress) = progress(cx)?.filter(|progress| !progress.is_restored) else { return Ok(false) };
    let (member, kept) = (data_dir(&progress).join("member"), progress.aside.join("member"));
    if is_swapped(cx, &progress) {
        etcd_recovery::stop(cx)?;
        tree_move::rename(&cx.host, &member, &progress.prepared.join("member"))?;
    }
    if cx.host.files.exists(&kept) {
        tree_move::rename(&cx.host, &kept, &member)?;
    }
    // From here on nothing is prepared, and a run that is killed here begins with that.
    record(cx, &RestoreProgress { is_prepared: false, ..progress.clone() })?;
    if let Some(parent) = progress.aside.parent().filter(|_| cx.host.files.exists(&progress.aside)) {
        removal::remove_empty(&cx.host, parent, &progress.aside)?;
    }
    removal::remove(&cx.host, data_dir(&progress), &progress.prepared)?;
    etcd_recovery::write(cx, &progress.etcd)?;
    start_api_server(cx, &progress)?;
    forget(cx)?;
    Ok(true)
}

/// Removes the empty directory in which the new data was prepared, and the record: the run is complete.
pub fn finish(cx: &Context, progress: &RestoreProgress) -> Result<()> {
    if cx.host.files.exists(&progress.prepared) {
        removal::remove_empty(&cx.host, data_dir(progress), &progress.prepared)?;
    }
    forget(cx)
}

/// The prepared data is in etcd's data directory.
fn data_dir(progress: &RestoreProgress) -> &Path {
    progress.prepared.parent().unwrap_or(&progress.prepared)
}
