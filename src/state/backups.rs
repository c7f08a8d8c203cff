//! The backups of replaced files: one directory in `/var/lib/kubewright/backup` per run.
//!
//! Reads: the names in that directory. Writes: nothing.

use crate::base::fault::Result;
use crate::base::files::HostFiles;
use crate::context::Context;
use crate::domain::paths::BACKUP_DIR;
use crate::pki::moment;
use std::path::{Path, PathBuf};

/// The backups of a run: the kind, the time, and a sequence number within the second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The kind of command.
    pub kind: String,
    stamp: String,
    nth: u32,
    /// The name of the directory.
    pub name: String,
}

impl Run {
    /// Parses names such as `certs-20261129T121314Z` and `certs-20261129T121314Z-2`. Others are ignored.
    fn of(name: &str) -> Option<Self> {
        let mut words = name.split('-');
        let (kind, stamp) = (words.next()?, words.next()?);
        let nth = words.next().map_or(Some(1), |word| word.parse().ok())?;
        let is_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        let form = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
        let is_stamp = stamp.bytes().map(form).eq(*b"00000000T000000Z");
        let run = Self { kind: kind.into(), stamp: stamp.into(), nth, name: name.into() };
        Some(run).filter(|_| is_kind && is_stamp && words.next().is_none())
    }
}

/// A directory for copies of the files that this run replaces. No earlier run has used it, even one in the same second.
pub fn new_directory(files: &HostFiles, kind: &str, now: i64) -> PathBuf {
    let stamp = moment::text(now).replace([':', '-'], "");
    let plain = Path::new(BACKUP_DIR).join(format!("{kind}-{stamp}"));
    let others = (2..100).map(|nth| Path::new(BACKUP_DIR).join(format!("{kind}-{stamp}-{nth}")));
    std::iter::once(plain.clone()).chain(others).find(|directory| !files.exists(directory)).unwrap_or(plain)
}

/// The backups of all runs, oldest first.
pub fn runs(cx: &Context) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> =
        cx.host.files.list(Path::new(BACKUP_DIR))?.iter().filter_map(|name| Run::of(name)).collect();
    runs.sort();
    Ok(runs)
}

/// The backup directories of all runs.
pub fn all(cx: &Context) -> Result<Vec<PathBuf>> {
    Ok(runs(cx)?.into_iter().map(|run| Path::new(BACKUP_DIR).join(run.name)).collect())
}
