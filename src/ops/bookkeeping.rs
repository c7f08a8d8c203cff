//! Files in which a run records its progress for the one that continues it. They are internal bookkeeping: not in the plan, and
//! neither written nor removed in a dry run.
//!
//! Writes: the file that the caller names, with mode 0600.

use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::context::Context;
use serde::Serialize;
use std::path::Path;

/// Writes `progress` to the file, which gets a directory of mode 0700.
pub fn write(cx: &Context, path: &Path, progress: &impl Serialize) -> Result<()> {
    cx.host.gate.effect(|| -> Result<()> {
        let files = HostFiles::new(cx.host.files.root(), Gate::open());
        if let Some(directory) = path.parent() {
            files.create_dir(directory, 0o700)?;
        }
        let text = serde_json::to_string(progress).unwrap_or_default();
        files.write(path, &Content::public(text), 0o600)?;
        Ok(())
    })?;
    Ok(())
}

/// Removes the file.
pub fn remove(cx: &Context, path: &Path) -> Result<()> {
    cx.host.gate.effect(|| HostFiles::new(cx.host.files.root(), Gate::open()).remove(path))?;
    Ok(())
}
