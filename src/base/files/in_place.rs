//! Overwrites a file in place, for files that cannot be replaced.
//!
//! A file that is a mount point, such as /etc/hosts in a container, cannot be renamed over (EBUSY). An interrupted run
//! leaves it half written, so this is only for files without secrets that do not belong together with others.

use super::faults::{self, Step};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// Replaces the content. On failure the old content is restored.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let before = std::fs::read(path)?;
    let written = fill(&file, path, bytes).and_then(|()| match metadata.mode() & 0o7777 {
        there if there == mode => Ok(()),
        _ => Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?),
    });
    if written.is_err() {
        fill(&file, path, &before)?;
    }
    written
}

fn fill(file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    faults::pass(Step::InPlace, path.file_name().unwrap_or_default())?;
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}
