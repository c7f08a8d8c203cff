//! Whether etcd answers, and whether there is a place for a snapshot of it.
//!
//! Reads: etcd's status, the directory of the snapshot and its file system. Writes: nothing.

use super::error::SaveError;
use crate::base::fault::Result;
use crate::context::{Context, Run, Saving};
use crate::domain::paths::SNAPSHOT_DIR;
use crate::etcd::{EtcdError, Status};
use crate::host::space;
use crate::pipeline::{Phase, Target};
use crate::state::own_etcd;
use std::path::Path;

const MIB: u64 = 1 << 20;
/// What stays free: the file system may also be that of etcd's data, and a full one stops etcd.
const SPARE: u64 = 256 * MIB;

pub struct CheckSnapshot;

impl Phase<Saving> for CheckSnapshot {
    fn changes(&self) -> bool {
        false
    }

    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Saving>, _: &Target) -> Result<()> {
        check(&run.cx, &mut run.work)
    }
}

/// Finds the member to ask, and checks the place of the snapshot.
pub fn check(cx: &Context, saving: &mut Saving) -> Result<()> {
    let (client, endpoints) = own_etcd::client(cx)?;
    let mut last = EtcdError::Address { address: String::new() };
    let mut found = None;
    for endpoint in endpoints {
        match client.status(endpoint.trim_end_matches('/')) {
            Ok(status) => {
                found = Some((endpoint, status));
                break;
            }
            Err(error) => last = error,
        }
    }
    let Some((endpoint, status)) = found else { return Err(last.into()) };
    if status.leader == 0 {
        cx.events.warning("this etcd member has no leader: the snapshot may lack what the others have received");
    }
    for alarm in status.errors.iter().filter(|error| !error.contains("no leader")) {
        cx.events.warning(format!("etcd reports: {alarm}"));
    }
    require_place(cx, saving)?;
    require_room(cx, &saving.file, &status)?;
    saving.source = Some((endpoint, status));
    Ok(())
}

fn require_place(cx: &Context, saving: &Saving) -> Result<()> {
    let path = saving.file.as_path();
    let real = cx.host.files.real(path)?;
    if let Ok(there) = std::fs::symlink_metadata(&real) {
        if !there.is_file() {
            return Err(SaveError::NotAFile { path: path.into() }.into());
        }
        if !saving.overwrite {
            return Err(SaveError::Exists { path: path.into() }.into());
        }
    }
    let directory = path.parent().unwrap_or(path);
    if directory != Path::new(SNAPSHOT_DIR) && !cx.host.files.exists(directory) {
        return Err(SaveError::NoDirectory { path: directory.into() }.into());
    }
    Ok(())
}

fn require_room(cx: &Context, path: &Path, status: &Status) -> Result<()> {
    let directory = path.parent().unwrap_or(path);
    let space = space::of(&cx.host, directory)?;
    if has_room(space.free, status.db_size) {
        return Ok(());
    }
    let (free, needed) = (space.free / MIB, status.db_size.div_ceil(MIB));
    Err(SaveError::NoRoom { path: directory.into(), free, needed, spare: SPARE / MIB }.into())
}

pub(super) fn has_room(free: u64, size: u64) -> bool {
    free >= size.saturating_add(SPARE)
}
