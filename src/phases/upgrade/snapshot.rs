//! A snapshot of etcd before its version changes, or the versions in which objects are stored.
//!
//! Reads: etcd and its manifest. Writes: a file in `/var/lib/kubewright/snapshots`, verified; removes old ones there.

use super::static_pod::wanted;
use crate::base::fault::Result;
use crate::config::model::Etcd;
use crate::context::etcd_task::{EtcdTask, Saving, Work};
use crate::context::{Context, Task};
use crate::domain::paths::manifest;
use crate::ops::upgrade_progress;
use crate::phases::etcd_snapshot::{check::CheckSnapshot, prune::PruneSnapshots, save::SaveSnapshot};
use crate::pipeline::{Action, Target};
use crate::state::snapshots;
use crate::state::static_pod::StaticPod;
use std::path::PathBuf;

/// As many as 'etcd snapshot save' keeps.
const KEPT: usize = 5;

pub struct SaveBefore;

impl Action for SaveBefore {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, target: &Target) -> Result<()> {
        if !is_needed(cx)? {
            return Ok(());
        }
        if let Some(there) = cx.upgrade()?.snapshot.as_ref().filter(|path| cx.files.exists(path)) {
            cx.events.message(format!("{} has etcd from before the upgrade", there.display()));
            return Ok(());
        }
        let saved = save(cx, target)?;
        cx.upgrade_mut()?.snapshot = Some(saved);
        upgrade_progress::record(cx)
    }
}

/// True if the version of etcd changes, or the minor version of Kubernetes on this host.
fn is_needed(cx: &Context) -> Result<bool> {
    if matches!(cx.cluster()?.etcd, Etcd::External(_)) {
        return Ok(false);
    }
    let minor = cx.upgrade()?.before.as_ref().map(|version| version.minor);
    if minor != Some(cx.cluster()?.version.minor) {
        return Ok(true);
    }
    let Some(text) = wanted(cx, "etcd")? else { return Ok(false) };
    let there = StaticPod::parse(&cx.files.read(&manifest("etcd"))?.unwrap_or_default());
    Ok(there.image() != StaticPod::parse(text.as_bytes()).image())
}

/// Saves it as 'etcd snapshot save' does.
fn save(cx: &mut Context, target: &Target) -> Result<PathBuf> {
    // Opened before, so that it keeps the backup directory of this run.
    cx.pki()?;
    let file = snapshots::new_path(&cx.files, cx.clock.now());
    let saving = Saving {
        file: file.clone(),
        keep: Some(KEPT),
        overwrite: false,
        source: None,
        saved: None,
        removed: Vec::new(),
    };
    let (cluster, node) = (cx.cluster()?.clone(), cx.node()?.clone());
    let task = Task::Etcd(Box::new(EtcdTask { cluster, node, work: Work::Save(saving) }));
    let steps: [&dyn Action; 3] = [&CheckSnapshot, &SaveSnapshot, &PruneSnapshots];
    cx.with_task(task, |cx| steps.iter().try_for_each(|step| step.run(cx, target))).0?;
    Ok(file)
}
