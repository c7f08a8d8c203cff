//! Whether the snapshot can be restored on this host now.
//!
//! Reads: the kubelet service, the container runtime, the snapshot, etcd's data on this host, the other members, the file system.
//! Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::{Restoring, Run};
use crate::host::{cri, space};
use crate::ops::kubelet_service;
use crate::pipeline::{Phase, Target};
use crate::state::etcd_restore;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;
/// What stays free: etcd writes to that file system.
const SPARE: u64 = 256 * MIB;

/// The new data has no room.
#[derive(Debug, thiserror::Error)]
#[error("the data of the snapshot needs {needed} MiB in {}, and {free} MiB are free; nothing was changed", path.display())]
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
        Some(format!("make room: run 'df -h {}', then run the same command again", self.path.display()))
    }
}

pub struct CheckRestore;

impl Phase<Restoring> for CheckRestore {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Restoring>, _: &Target) -> Result<()> {
        kubelet_service::require_active(cx)?;
        cri::find(&cx.host, cx.node()?.cri_socket.as_deref())?;
        // The command has looked already, to ask for confirmation.
        if cx.work.found.is_some() { Ok(()) } else { look(cx) }
    }
}

/// Reads the snapshot and the state of this host, and checks that there is room for the new data beside the present one.
pub fn look(cx: &mut Run<Restoring>) -> Result<()> {
    let found = etcd_restore::find(cx)?;
    if let Some(snapshot) = found.snapshot.as_ref().filter(|_| !found.is_begun) {
        let free = space::of(&cx.host, &found.data_dir)?.free;
        if free < snapshot.size.saturating_add(SPARE) {
            let (needed, free) = (snapshot.size.saturating_add(SPARE) / MIB, free / MIB);
            return Err(NoRoom { path: found.data_dir, needed, free }.into());
        }
    }
    cx.work.found = Some(found);
    Ok(())
}
