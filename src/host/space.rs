//! Room on the file systems that Kubernetes fills, and whether they can be written to.
//!
//! Reads: file system statistics. Writes nothing.

use super::command::Host;
use super::error::HostError;
use crate::base::files::FileError;
use rustix::fs::{Access, StatVfsMountFlags};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One file system, as seen from a directory on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// The nearest existing directory.
    pub directory: PathBuf,
    /// Bytes that root may still write.
    pub free: u64,
    /// All bytes.
    pub total: u64,
    /// Files that may still be made; None where the file system does not count them.
    pub free_inodes: Option<u64>,
    /// All files there may be.
    pub inodes: u64,
    /// Mounted read-only.
    pub read_only: bool,
    /// The number of its device, which bind mounts of it share.
    #[serde(skip)]
    pub device: u64,
}

/// The file system that holds `path` or would hold it.
pub fn of(host: &Host, path: &Path) -> Result<Space, HostError> {
    let (directory, real) = nearest(host, path)?;
    let seen = |e: rustix::io::Errno| FileError { verb: "look at", path: real.clone(), source: e.into() };
    let stat = rustix::fs::statvfs(&real).map_err(seen)?;
    let device = rustix::fs::stat(&real).map_err(seen)?.st_dev;
    Ok(Space {
        directory,
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        // btrfs and others make inodes as needed and report none.
        free_inodes: (stat.f_files > 0).then_some(stat.f_favail),
        inodes: stat.f_files,
        read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        device,
    })
}

/// True when this process may make files in `path`, or in the nearest existing directory.
pub fn is_writable(host: &Host, path: &Path) -> Result<bool, HostError> {
    let (_, real) = nearest(host, path)?;
    Ok(rustix::fs::access(&real, Access::WRITE_OK).is_ok())
}

fn nearest(host: &Host, path: &Path) -> Result<(PathBuf, PathBuf), HostError> {
    for directory in path.ancestors() {
        let real = host.files.real(directory)?;
        if real.exists() {
            return Ok((directory.to_path_buf(), real));
        }
    }
    Ok(("/".into(), host.files.root().to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn the_parent_counts_for_a_directory_that_does_not_exist_yet() {
        let fake = FakeHost::new().file("/var/lib/x", "");
        let space = of(&fake.live(), Path::new("/var/lib/etcd/member")).unwrap();
        assert_eq!(space.directory, Path::new("/var/lib"));
        assert!(space.total >= space.free && space.total > 0);
    }
}
