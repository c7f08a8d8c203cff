//! The user's patches.
//!
//! Reads: the directory of `--patches` or `patches.directory`. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::render::patches::{PatchSet, Target};

/// The patches of this host; none if the user specified no directory.
pub fn load(cx: &Context) -> Result<PatchSet> {
    match &cx.node()?.patches_dir {
        Some(directory) => PatchSet::load(&cx.host.files, directory),
        None => Ok(PatchSet::default()),
    }
}

/// The patches of this host, with a warning about each file that looks like one for `target` but is skipped.
pub fn load_for(cx: &Context, target: Target) -> Result<PatchSet> {
    let patches = load(cx)?;
    for file in patches.backups_of(target) {
        cx.events.warning(format!("skipped {}: it is a backup file of an editor, not a patch", file.display()));
    }
    Ok(patches)
}

/// `text` with the patches for `target` applied, and a message about it.
pub fn apply(cx: &Context, target: Target, text: &str) -> Result<String> {
    let patches = load_for(cx, target)?;
    if !patches.leaves_alone(target) {
        cx.events.message(format!("applied the patches for {target}"));
    }
    Ok(patches.apply(target, text)?)
}
