//! One file or folder, put in place in one step that a crash cannot halve.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

/// What a write of `path` that is killed may leave beside it, whole, with the mode of the file.
pub fn unfinished(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.to_path_buf(), |name| path.with_file_name(hidden_name(name)))
}

fn hidden_name(name: &OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".kubewright");
    hidden
}

/// Writes `bytes` to `path` with `mode`: a file without a name first, given its name only when it
/// is whole and on the disk. Where the file system has no nameless files, a hidden name is used,
/// and what a killed run left under it is replaced by the next one.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let directory = File::open(folder)?;
    let hidden = hidden_name(name);

    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(&directory, ".", flags, Mode::from_raw_mode(mode)) {
        Ok(fd) => {
            let file = fill(File::from(fd), bytes, mode)?;
            if !name_it(&file, &directory, name.as_ref())? {
                // The name is taken: take the hidden one, then move over it.
                remove_stale(&directory, hidden.as_ref())?;
                name_it(&file, &directory, hidden.as_ref())?;
                rustix::fs::renameat(&directory, &hidden, &directory, name)?;
            }
        }
        Err(
            rustix::io::Errno::OPNOTSUPP
            | rustix::io::Errno::ISDIR
            | rustix::io::Errno::NOENT
            | rustix::io::Errno::INVAL,
        ) => {
            remove_stale(&directory, hidden.as_ref())?;
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&directory, &hidden, flags, Mode::from_raw_mode(mode))?;
            let moved = fill(File::from(fd), bytes, mode)
                .and_then(|_| Ok(rustix::fs::renameat(&directory, &hidden, &directory, name)?));
            if let Err(error) = moved {
                remove_stale(&directory, hidden.as_ref())?;
                return Err(error);
            }
        }
        Err(error) => return Err(error.into()),
    }
    directory.sync_all()
}

/// Makes one folder with exactly `mode`.
pub fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) => {}
        Err(rustix::io::Errno::EXIST) if path.is_dir() => return Ok(()),
        // `mkdir` calls it "exists" when a file has the name.
        Err(rustix::io::Errno::EXIST) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) => return Err(error.into()),
    }
    // The umask may have taken bits away.
    rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file or link.
pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes and syncs; the mode is set again because the umask may have taken bits away.
fn fill(mut file: File, bytes: &[u8], mode: u32) -> io::Result<File> {
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Gives a nameless file its name; false when the name is taken.
fn name_it(file: &File, directory: &File, name: &Path) -> io::Result<bool> {
    // The magic link of /proc needs no capability, unlike AT_EMPTY_PATH.
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    match rustix::fs::linkat(CWD, link.as_str(), directory, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn remove_stale(directory: &File, name: &Path) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
