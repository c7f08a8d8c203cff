//! `certs rotate-ca`: new CAs for a running cluster, in stages that can each be interrupted safely.
//!
//! docs/rotate-ca.md explains each stage and why it is safe. Each file here is one action; all of them use the stage
//! and the current state, so that the same command continues an interrupted run.

pub mod announce;
pub mod cas;
pub mod certificates;
pub mod check;
pub mod distribute;
pub mod encrypted;
#[cfg(test)]
pub mod fixture;
pub mod kubelet;
pub mod new_key;
pub mod signing;
pub mod tokens;

use crate::base::fault::Result;
use crate::base::files::{Content, Written};
use crate::context::{Rotating, Run};
use std::path::Path;

/// Replaces a file after a backup; does nothing if it is up to date. `mode` is for a new file: a component that does
/// not run as root needs the mode of the old one.
fn replace(cx: &mut Run<Rotating>, path: &Path, content: &Content, mode: u32, is_current: bool) -> Result<Written> {
    if is_current {
        return Ok(Written::Unchanged);
    }
    crate::ops::renewal::back_up(cx, path)?;
    let written = cx.host.files.write(path, content, cx.host.files.mode_or(path, mode))?;
    if written != Written::Unchanged {
        cx.events.message(format!("wrote {}", path.display()));
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
