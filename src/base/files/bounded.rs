//! Reading a file that may be anything: a pipe, a device, a socket, a directory, or larger than memory.
//!
//! Reads: one regular file, up to a limit. It does not wait for or read anything else. Writes: nothing.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// More than any file that a cluster has on a host, even the kernel's tables of a host with many connections.
pub const LIMIT: u64 = 64 << 20;
/// More than any kubeconfig, whose owner may not be trusted.
pub const HOME_LIMIT: u64 = 4 << 20;

/// An open pipe without a writer, or a terminal line, would be waited for.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// The bytes of the file at `path`, which may be a link; None when there is none.
pub fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // Opening a device may already do something, such as rewind a tape.
    match std::fs::metadata(path) {
        Ok(there) => must_be_file(&there)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match rustix::fs::open(path, FLAGS, Mode::empty()) {
        Ok(fd) => bytes_of(&File::from(fd), limit).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens the file `name` in a directory, unless it is a link; None when there is none.
pub fn open_in(directory: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<File>> {
    match rustix::fs::openat(directory, name, FLAGS | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::NOENT) => Ok(None),
        // What a socket answers.
        Err(Errno::NXIO) => Err(io::Error::other("it is a socket or a pipe, not a regular file")),
        Err(errno) => Err(errno.into()),
    }
}

/// All of an open file.
pub fn bytes_of(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let there = file.metadata()?;
    must_be_file(&there)?;
    let too_large = || {
        let why = format!("it is larger than {} MiB", limit >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, why)
    };
    if there.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile, and the kernel's own files say that they are empty.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) { Ok(bytes) } else { Err(too_large()) }
}

fn must_be_file(there: &Metadata) -> io::Result<()> {
    let kind = there.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(io::Error::other(format!("it is {what}, not a regular file")))
}

#[cfg(test)]
mod tests;
