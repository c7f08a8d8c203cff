//! Gets the snapshot and writes it, complete and verified or not at all.
//!
//! Reads: etcd. Writes: the file, with mode 0600, and its directory if that is the default one.

use super::error::SaveError;
use crate::base::fault::{Failure, Result};
use crate::base::gate::Change;
use crate::context::{Context, Run, Saving};
use crate::domain::paths::SNAPSHOT_DIR;
use crate::etcd::Client;
use crate::etcd::snapshot::{self, Snapshot};
use crate::pipeline::{Phase, Target};
use crate::state::own_etcd;
use std::path::Path;

/// It contains all Secrets.
const MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

pub struct SaveSnapshot;

impl Phase<Saving> for SaveSnapshot {
    fn needs_running_host(&self) -> bool {
        true
    }

    fn run(&self, run: &mut Run<Saving>, _: &Target) -> Result<()> {
        save(&run.cx, &mut run.work)
    }
}

/// Saves it, if the check has found a member.
pub fn save(cx: &Context, saving: &mut Saving) -> Result<()> {
    let Some((endpoint, _)) = &saving.source else { return Ok(()) };
    let (path, (client, _)) = (&saving.file, own_etcd::client(cx)?);
    if path.parent() == Some(Path::new(SNAPSHOT_DIR)) {
        cx.host.files.create_dir(Path::new(SNAPSHOT_DIR), DIRECTORY_MODE)?;
    }
    // Not a file that belongs to the cluster: nothing that removes the cluster removes it.
    let change = Change::request("etcd", "save snapshot", &path.display().to_string(), None);
    let fetch = || fetch(cx, &client, endpoint.trim_end_matches('/'), path, saving.overwrite);
    let saved = cx.host.gate.pass(change, fetch)?;
    if saved.is_some() {
        cx.events.message(format!("wrote {}", path.display()));
    }
    saving.saved = saved;
    Ok(())
}

pub(super) fn fetch(cx: &Context, client: &Client, endpoint: &str, path: &Path, overwrite: bool) -> Result<Snapshot> {
    let mut file = cx.host.files.begin(path, MODE)?;
    let mut failure: Option<Failure> = None;
    let mut remaining = u64::MAX;
    client.snapshot(endpoint, &mut |part| {
        remaining = part.remaining;
        match file.append(part.bytes) {
            Ok(()) => true,
            Err(error) => {
                failure = Some(error.into());
                false
            }
        }
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    if remaining != 0 {
        return Err(SaveError::NotIntact { why: "it ends early".into() }.into());
    }
    let saved = snapshot::read(file.file(), "the snapshot");
    let saved = saved.map_err(|error| SaveError::NotIntact { why: error.to_string() })?;
    if !saved.has_checksum {
        return Err(SaveError::NotIntact { why: "it has no checksum".into() }.into());
    }
    file.place(overwrite)?;
    Ok(saved)
}
