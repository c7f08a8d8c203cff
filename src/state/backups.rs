//! The copies that commands keep of what they replace: one directory below `/var/lib/kubewright/backup` for each run.
//!
//! Reads: the names in that directory. Writes: nothing.

use crate::base::fault::Result;
use crate::context::Context;
use crate::domain::paths::BACKUP_DIR;
use std::path::{Path, PathBuf};

/// A run's copies: its kind, when it was, and which of that second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// What made them.
    pub kind: String,
    stamp: String,
    nth: u32,
    /// The name of their directory.
    pub name: String,
}

impl Run {
    /// Of names such as `certs-20261129T121314Z` and `certs-20261129T121314Z-2`. Others are not ours.
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

/// The copies of every run, oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn runs(cx: &Context) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = cx.files.list(Path::new(BACKUP_DIR))?.iter().filter_map(|name| Run::of(name)).collect();
    runs.sort();
    Ok(runs)
}

/// The directories with the copies of every run.
///
/// # Errors
/// When the directory cannot be read.
pub fn all(cx: &Context) -> Result<Vec<PathBuf>> {
    Ok(runs(cx)?.into_iter().map(|run| Path::new(BACKUP_DIR).join(run.name)).collect())
}
