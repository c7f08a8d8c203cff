//! Removes old copies of what commands replaced, below `/var/lib/kubewright/backup`.
//!
//! They hold private keys and credentials that stay valid for as long as their CA. So only the last few are kept, and a
//! CA key that no longer signs is not kept at all.
//!
//! Reads: the names in that directory. Writes: removes old copies.

use crate::base::fault::Result;
use crate::context::Context;
use crate::context::rotation::Stage;
use crate::domain::paths::BACKUP_DIR;
use crate::host::removal;
use crate::pipeline::{Action, Target};
use crate::pki::rotation::FOLDERS;
use crate::state::backups::runs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many copies of each kind are kept.
const KEPT: usize = 3;
/// The names of keys that sign certificates and tokens.
const CA_KEYS: [&str; 3] = ["ca.key", "front-proxy-ca.key", "sa.key"];
/// Copies have the path of what they are copies of, which is not deep.
const DEEPEST: usize = 32;

/// Removes what is older than the last copies, and the CA keys in those, unless the CA is being changed.
pub struct PruneBackups;

impl Action for PruneBackups {
    fn run(&self, cx: &mut Context, _: &Target) -> Result<()> {
        // A run that kept no copy leaves the others alone, but for the end of a rotation that was cut short.
        let renewal = cx.renewal()?;
        let ends_rotation = renewal.rotation.as_ref().is_some_and(|rotation| rotation.stage == Stage::Drop);
        if !ends_rotation && !cx.files.exists(&renewal.backup) {
            return Ok(());
        }
        let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for run in runs(cx)? {
            kinds.entry(run.kind).or_default().push(Path::new(BACKUP_DIR).join(run.name));
        }
        let signs_still = rotation_goes_on(cx)?;
        for runs in kinds.values() {
            let (old, kept) = runs.split_at(runs.len().saturating_sub(KEPT));
            discard(cx, old, "older copies of what was replaced")?;
            if !signs_still {
                let mut keys = Vec::new();
                for run in kept {
                    ca_keys(cx, run, DEEPEST, &mut keys)?;
                }
                discard(cx, &keys, "copies of CA keys that no longer sign")?;
            }
        }
        Ok(())
    }
}

/// True while a change of CA can still be taken back by hand.
fn rotation_goes_on(cx: &Context) -> Result<bool> {
    let dir = &cx.cluster()?.certificates_dir;
    for folder in FOLDERS {
        if !cx.files.list(&dir.join(folder))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ca_keys(cx: &Context, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    for name in removal::names(&cx.host, folder)?.unwrap_or_default() {
        let path = folder.join(&name);
        if CA_KEYS.contains(&name.as_str()) {
            found.push(path);
        } else if depth > 0 {
            ca_keys(cx, &path, depth - 1, found)?;
        }
    }
    Ok(())
}

fn discard(cx: &Context, paths: &[PathBuf], what: &str) -> Result<()> {
    let before = cx.gate.count();
    for path in paths {
        for kept in removal::remove(&cx.host, Path::new(BACKUP_DIR), path)?.kept {
            cx.events.warning(format!("{} stays: {}", kept.path.display(), kept.why));
        }
    }
    let removed = cx.gate.count() - before;
    if removed > 0 {
        cx.events.message(format!("removed {removed} {what} in {BACKUP_DIR}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
