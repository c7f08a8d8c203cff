//! The user's patches on what is written.
//!
//! Reads: the folder of `--patches` or `patches.directory`. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::render::patches::{PatchSet, Target};

/// The patches of this host; none where the user gave no folder.
///
/// # Errors
/// When the folder or a file in it cannot be used.
pub fn load(cx: &Context) -> Result<PatchSet> {
    match &cx.node()?.patches_dir {
        Some(folder) => PatchSet::load(&cx.files, folder),
        None => Ok(PatchSet::default()),
    }
}

/// `text` with the patches for `target` applied, and a word about it.
///
/// # Errors
/// When a patch does not apply.
pub fn apply(cx: &Context, target: Target, text: &str) -> Result<String> {
    let patches = load(cx)?;
    if !patches.leaves_alone(target) {
        cx.events.message(format!("applied the patches for {target}"));
    }
    Ok(patches.apply(target, text)?)
}
