//! Stops the API server and etcd on this host, and puts the new data in the place of the present data.
//!
//! Reads: the container runtime, the names in etcd's data directory. Writes: removes the manifests of the API server and etcd, which
//! the progress of the run has in it; renames the present data and the new data.

use crate::base::fault::Result;
use crate::context::{Restoring, Run};
use crate::ops::etcd_restore;
use crate::pipeline::{Phase, Target};

pub struct SwapData;

impl Phase<Restoring> for SwapData {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Restoring>, _: &Target) -> Result<()> {
        let found = cx.work.restorable()?.clone();
        if found.progress.is_restored || (found.is_begun && etcd_restore::is_swapped(cx, &found.progress)) {
            return Ok(());
        }
        etcd_restore::stop(cx, &found.progress)?;
        if etcd_restore::swap(cx, &found.progress)? {
            cx.events.message(format!("etcd's data of before is in {}", found.progress.aside.display()));
        }
        Ok(())
    }
}
