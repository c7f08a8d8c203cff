//! Stops etcd on this host and copies its data.
//!
//! Reads: etcd's manifest and data. Writes: the progress of the run, which has the manifest in it; removes the manifest; copies the
//! data to a directory beside it, which is kept.

use crate::base::fault::Result;
use crate::context::{Recovery, Run};
use crate::host::tree_copy;
use crate::ops::etcd_recovery;
use crate::pipeline::{Phase, Target};
use crate::state::etcd_recovery::{Progress, progress};
use std::path::PathBuf;

pub struct CopyData;

impl Phase<Recovery> for CopyData {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Recovery>, _: &Target) -> Result<()> {
        let found = cx.work.found()?.clone();
        if found.is_forced {
            return Ok(());
        }
        if progress(cx)?.is_none() {
            let lost = cx.work.lost.clone();
            let (manifest, others, copy) = (found.manifest.clone(), found.others.clone(), found.copy.clone());
            etcd_recovery::record(cx, &Progress { manifest, lost, others, copy, is_forced: false })?;
        }
        etcd_recovery::stop(cx)?;
        let log_copy = PathBuf::from(format!("{}-wal", found.copy.display()));
        if let Some(log) =
            found.log_dir.filter(|log| !log.starts_with(&found.data_dir) && !cx.host.files.exists(&log_copy))
        {
            tree_copy::copy(&cx.host, &log, &log_copy)?;
            cx.events.message(format!("copied etcd's log to {}", log_copy.display()));
        }
        if !cx.host.files.exists(&found.copy) {
            tree_copy::copy(&cx.host, &found.data_dir, &found.copy)?;
            cx.events.message(format!("copied etcd's data to {}", found.copy.display()));
        }
        Ok(())
    }
}
