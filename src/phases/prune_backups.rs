//! Removes old backups of replaced files in `/var/lib/kubewright/backup`.
//!
//! They contain private keys and credentials that are valid as long as their CA. Therefore only the newest backups are
//! kept, without CA keys that no longer sign.
//!
//! Reads: the names in that directory. Writes: removes old backups.

use crate::base::fault::Result;
use crate::context::renewal::Purpose;
use crate::context::{Context, Renewal, Run};
use crate::domain::paths::BACKUP_DIR;
use crate::host::removal;
use crate::pipeline::{Phase, Target};
use crate::pki::rotation::DIRECTORIES;
use crate::state::backups::runs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The number of backups of each kind to keep.
const KEPT: usize = 3;
/// The names of keys that sign certificates and tokens.
const CA_KEYS: [&str; 3] = ["ca.key", "front-proxy-ca.key", "sa.key"];
/// Backups have the path of the original file, which is not deep.
const DEEPEST: usize = 32;

/// Removes all but the newest backups, and the CA keys in those, unless a CA rotation is in progress.
pub struct PruneBackups;

impl<P: Purpose> Phase<Renewal<P>> for PruneBackups {
    fn run(&self, cx: &mut Run<Renewal<P>>, _: &Target) -> Result<()> {
        // A run without backups keeps the others, except at the end of an interrupted rotation.
        let renewal = &cx.work;
        let ends_rotation = renewal.purpose.ends_rotation();
        if !ends_rotation && !cx.host.files.exists(&renewal.backup) {
            return Ok(());
        }
        let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for run in runs(cx)? {
            kinds.entry(run.kind).or_default().push(Path::new(BACKUP_DIR).join(run.name));
        }
        let signs_still = rotation_is_in_progress(cx)?;
        for runs in kinds.values() {
            let (old, kept) = runs.split_at(runs.len().saturating_sub(KEPT));
            discard(cx, old, "old backups of replaced files")?;
            if !signs_still {
                let mut keys = Vec::new();
                for run in kept {
                    ca_keys(cx, run, DEEPEST, &mut keys)?;
                }
                discard(cx, &keys, "backups of CA keys that no longer sign")?;
            }
        }
        Ok(())
    }
}

/// True while a CA rotation can still be rolled back by hand.
fn rotation_is_in_progress(cx: &Context) -> Result<bool> {
    let dir = &cx.cluster()?.certificates_dir;
    for directory in DIRECTORIES {
        if !cx.host.files.list(&dir.join(directory))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ca_keys(cx: &Context, directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    for name in removal::names(&cx.host, directory)?.unwrap_or_default() {
        let path = directory.join(&name);
        if CA_KEYS.contains(&name.as_str()) {
            found.push(path);
        } else if depth > 0 {
            ca_keys(cx, &path, depth - 1, found)?;
        }
    }
    Ok(())
}

fn discard(cx: &Context, paths: &[PathBuf], what: &str) -> Result<()> {
    let before = cx.host.gate.count();
    for path in paths {
        for kept in removal::remove(&cx.host, Path::new(BACKUP_DIR), path)?.kept {
            cx.events.warning(format!("{} was not removed: {}", kept.path.display(), kept.why));
        }
    }
    let removed = cx.host.gate.count() - before;
    if removed > 0 {
        cx.events.message(format!("removed {removed} {what} in {BACKUP_DIR}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
