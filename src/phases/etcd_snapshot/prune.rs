//! Removes old snapshots in the default directory.
//!
//! Reads: the names in that directory. Writes: removes all but the newest snapshots; other files there are kept.

use crate::base::fault::Result;
use crate::context::Context;
use crate::pipeline::{Action, Target};
use crate::state::snapshots;

pub struct PruneSnapshots;

impl Action for PruneSnapshots {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        let saving = cx.saving()?;
        let Some(keep) = saving.keep else { return Ok(()) };
        let new = saving.file.clone();
        let mut others = snapshots::all(&cx.files)?;
        others.retain(|path| *path != new);
        let old = others.len().saturating_sub(keep.saturating_sub(1));
        for path in others.into_iter().take(old) {
            cx.files.remove(&path)?;
            cx.events.message(format!("removed {}", path.display()));
            cx.saving_mut()?.removed.push(path);
        }
        Ok(())
    }
}
