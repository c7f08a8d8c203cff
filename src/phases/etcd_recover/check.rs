//! Whether the cluster can be continued with the data of this host, and must be.
//!
//! Reads: the kubelet service, the container runtime, etcd's data on this host, the other members, the file system. Writes:
//! nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::{Recovery, Run};
use crate::host::{cri, space, tree_copy};
use crate::ops::kubelet_service;
use crate::pipeline::{Phase, Target};
use crate::state::etcd_recovery;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;
/// What stays free: etcd writes to that file system.
const SPARE: u64 = 256 * MIB;

/// The copy of the data has no room.
#[derive(Debug, thiserror::Error)]
#[error("the copy of etcd's data in {} needs {needed} MiB, and {free} MiB are free; nothing was changed", path.display())]
struct NoRoom {
    path: PathBuf,
    needed: u64,
    free: u64,
}

impl Fault for NoRoom {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        let parent = self.path.parent().unwrap_or(&self.path).display();
        Some(format!("make room: run 'df -h {parent}', then run the same command again"))
    }
}

pub struct CheckLoss;

impl Phase<Recovery> for CheckLoss {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Recovery>, _: &Target) -> Result<()> {
        kubelet_service::require_active(cx)?;
        cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
        look(cx)
    }
}

/// Finds the member of this host and the loss, and checks that there is room for the copy.
pub fn look(cx: &mut Run<Recovery>) -> Result<()> {
    let found = etcd_recovery::find(cx)?;
    if !cx.host.files.exists(&found.copy) {
        let size = tree_copy::size(&cx.host, &found.data_dir.join("member"))?;
        let free = space::of(&cx.host, &found.copy)?.free;
        if free < size.saturating_add(SPARE) {
            let (needed, free) = ((size + SPARE) / MIB, free / MIB);
            return Err(NoRoom { path: found.copy, needed, free }.into());
        }
    }
    cx.work.found = Some(found);
    Ok(())
}
