//! Whether there is room for what a renewal writes, on each file system that it writes to: a disk that runs full halfway leaves
//! some certificates renewed and others not.
//!
//! Reads: file system statistics. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Result};
use crate::context::Context;
use crate::domain::paths::{BACKUP_DIR, KUBERNETES_DIR};
use crate::host::space::{self, Space};
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;
/// Certificates, keys, kubeconfigs and copies of them are some hundred kilobytes.
const NEEDED: u64 = 2 * MIB;
/// Each of them is a file, and has a copy.
const FILES: u64 = 100;

/// Too little disk space.
#[derive(Debug, thiserror::Error)]
#[error("{} has no room for new certificates and copies of the old ones: {why}; nothing was changed", path.display())]
struct NoRoom {
    path: PathBuf,
    why: String,
}

impl Fault for NoRoom {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Refused
    }
    fn hint(&self) -> Option<String> {
        let path = self.path.display();
        Some(format!("make room: run 'df -h {path}' and 'df -i {path}', then run the same command again"))
    }
}

/// Refuses without enough disk space for what a renewal writes.
pub fn require(cx: &Context) -> Result<()> {
    if !cx.host.files.is_live() {
        return Ok(());
    }
    let certificates = cx.cluster()?.certificates_dir.clone();
    for path in [certificates.as_path(), Path::new(KUBERNETES_DIR), Path::new(BACKUP_DIR)] {
        if let Some(why) = lacks(&space::of(&cx.host, path)?) {
            return Err(NoRoom { path: path.into(), why }.into());
        }
    }
    Ok(())
}

fn lacks(space: &Space) -> Option<String> {
    if space.read_only {
        return Some("its file system is mounted read-only".into());
    }
    if space.free < NEEDED {
        return Some(format!("{} KiB are free", space.free / 1024));
    }
    let files = space.free_inodes.filter(|free| *free < FILES)?;
    Some(format!("its file system has room for {files} more files"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full disk was found after some certificates had been renewed.
    #[test]
    fn a_disk_that_is_full_or_read_only_is_found_before_the_first_change() {
        let space = |free, free_inodes, read_only| Space {
            directory: "/".into(),
            free,
            total: 100 * MIB,
            free_inodes,
            inodes: 1000,
            read_only,
            device: 1,
        };
        assert_eq!(lacks(&space(NEEDED, Some(FILES), false)), None);
        assert_eq!(lacks(&space(NEEDED, None, false)), None, "it does not count files");
        assert_eq!(lacks(&space(4096, Some(FILES), false)).unwrap(), "4 KiB are free");
        assert!(lacks(&space(NEEDED, Some(3), false)).unwrap().contains("3 more files"));
        assert!(lacks(&space(NEEDED, Some(FILES), true)).unwrap().contains("read-only"));
    }
}
