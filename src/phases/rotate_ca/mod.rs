//! `certs rotate-ca`: new authorities for a running cluster, in stages that each are safe to stop at.
//!
//! What each stage does and why that is safe is told in docs/rotate-ca.md. Each file here is one action; all of them
//! look at the stage and at what is there, so that a run that was cut short is continued by the same command.

pub mod announce;
pub mod cas;
pub mod certificates;
pub mod check;
pub mod distribute;
#[cfg(test)]
pub mod fixture;
pub mod kubelet;
pub mod signing;
pub mod tokens;

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::Context;
use std::path::Path;

/// Replaces a file, after a copy of it was put away; does nothing where it is right. `mode` is that of a new file: a
/// component that is not root may read the old one by its mode.
fn replace(cx: &mut Context, path: &Path, content: &Content, mode: u32, is_right: bool) -> Result<Written> {
    if is_right {
        return Ok(Written::Unchanged);
    }
    crate::ops::renewal::back_up(cx, path)?;
    let written = cx.files.write(path, content, cx.files.mode_or(path, mode))?;
    if written != Written::Unchanged {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
