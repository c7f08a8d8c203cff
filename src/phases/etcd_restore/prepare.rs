//! Writes the database of the snapshot for a new cluster, beside the present data, while etcd still runs.
//!
//! Reads: the snapshot. Writes: the progress of the run; `restore-TIME/member/snap/db` in etcd's data directory.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Failure, Fault, Result};
use crate::base::files::FileError;
use crate::base::gate::Change;
use crate::context::etcd_task::Restorable;
use crate::context::{Context, Restoring, Run};
use crate::etcd::fresh;
use crate::etcd::snapshot::Snapshot;
use crate::ops::etcd_restore;
use crate::pipeline::{Phase, Target};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;

/// Only etcd reads it.
const MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// How much is copied at a time.
const PIECE: usize = 1 << 20;

/// The database could not be made one of a new cluster.
#[derive(Debug, thiserror::Error)]
#[error("the data of the snapshot cannot be used for a new cluster: {why}; etcd was not stopped")]
struct NotPrepared {
    why: String,
}

impl Fault for NotPrepared {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some("use another snapshot: run 'ls -la /var/lib/kubewright/snapshots' on each control plane".into())
    }
}

pub struct PrepareData;

impl Phase<Restoring> for PrepareData {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, cx: &mut Run<Restoring>, _: &Target) -> Result<()> {
        let found = cx.work.restorable()?.clone();
        if !found.is_begun {
            etcd_restore::record(cx, &found.progress)?;
        }
        let Some(snapshot) = &found.snapshot else { return Ok(()) };
        let path = found.progress.prepared.join("member/snap/db");
        // Not a file that belongs to the cluster: it gets another name.
        let change = Change::request("etcd", "prepare data", &path.display().to_string(), None);
        let gate = cx.host.gate.clone();
        gate.pass(change, || write(cx, &found, snapshot, &path))?;
        if let Some(found) = cx.work.found.as_mut() {
            found.progress.is_prepared = true;
        }
        etcd_restore::record(cx, &cx.work.restorable()?.progress)
    }
}

/// The file has its name only when it is complete, changed and verified.
fn write(cx: &Context, found: &Restorable, snapshot: &Snapshot, path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        let real = cx.host.files.real(parent)?;
        let made = std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(&real);
        made.map_err(|source| FileError { verb: "create", path: real, source })?;
    }
    let source = cx.host.files.open(&found.progress.file)?;
    let mut file = cx.host.files.begin(path, MODE)?;
    let not_read = |error: io::Error| Failure::from(NotPrepared { why: error.to_string() });
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < snapshot.size {
        let wanted = usize::try_from(snapshot.size - at).unwrap_or(PIECE).min(PIECE);
        let Some(part) = piece.get_mut(..wanted) else { break };
        source.read_exact_at(part, at).map_err(not_read)?;
        file.append(part)?;
        at += wanted as u64;
    }
    let made = fresh::make(file.file(), snapshot.size, found.progress.revision, &snapshot.contents);
    made.map_err(|error| NotPrepared { why: error.to_string() })?;
    file.place(true)?;
    Ok(())
}
