//! Removes old snapshots in the default directory.
//!
//! Reads: the names in that directory. Writes: removes all but the newest snapshots; other files there are kept.

use crate::base::fault::Result;
use crate::context::{Context, Run, Saving};
use crate::pipeline::{Phase, Target};
use crate::state::snapshots;

pub struct PruneSnapshots;

impl Phase<Saving> for PruneSnapshots {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Saving>, _: &Target) -> Result<()> {
        prune(&run.cx, &mut run.work)
    }
}

/// Removes all but the newest.
pub fn prune(cx: &Context, saving: &mut Saving) -> Result<()> {
    let Some(keep) = saving.keep else { return Ok(()) };
    let mut others = snapshots::all(&cx.host.files)?;
    others.retain(|path| *path != saving.file);
    let old = others.len().saturating_sub(keep.saturating_sub(1));
    for path in others.into_iter().take(old) {
        cx.host.files.remove(&path)?;
        cx.events.message(format!("removed {}", path.display()));
        saving.removed.push(path);
    }
    Ok(())
}
