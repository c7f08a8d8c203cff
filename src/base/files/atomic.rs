//! Atomic creation and replacement of files and directories.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The temporary file that an interrupted write of `path` may leave behind, complete and with the final mode.
pub fn unfinished(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.to_path_buf(), |name| path.with_file_name(hidden(name)))
}

/// User and group ID.
pub type Owner = (u32, u32);

/// The path, content and mode of a file.
pub type New<'a> = (&'a Path, &'a [u8], u32);

/// Writes files atomically. All are on disk before the first is renamed into place, and the others follow at once, so
/// that readers hardly ever see a key without its certificate. Replaced files keep their owner. An error names the file
/// that could not be written.
pub fn write(files: &[New<'_>]) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path, source| (path.to_path_buf(), source);
    let mut ready = Vec::new();
    for &(path, bytes, mode) in files {
        ready.push((path, Prepared::at(path, bytes, mode).map_err(|error| at(path, error))?));
    }
    for (path, prepared) in &mut ready {
        prepared.place().map_err(|error| at(path, error))?;
    }
    for (path, prepared) in &ready {
        prepared.directory.sync_all().map_err(|error| at(path, error))?;
    }
    Ok(())
}

/// Writes a file atomically into an open directory; it belongs to `owner` before it gets its name.
pub fn write_in(directory: File, name: &OsStr, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut prepared = Prepared::new(directory, name, bytes, mode, Some(owner))?;
    prepared.place()?;
    prepared.directory.sync_all()
}

/// A complete file on disk that does not have its final name yet. File systems without unnamed files get a hidden name,
/// under which the leftover of an interrupted run is replaced.
struct Prepared {
    directory: File,
    name: OsString,
    hidden: OsString,
    nameless: Option<File>,
    is_hidden: bool,
}

impl Prepared {
    fn at(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Self> {
        let directory = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let owner = std::fs::metadata(path).ok().map(|there| (there.uid(), there.gid()));
        Self::new(File::open(directory)?, name, bytes, mode, owner)
    }

    fn new(directory: File, name: &OsStr, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<Self> {
        let mut this =
            Self { directory, name: name.to_owned(), hidden: hidden(name), nameless: None, is_hidden: false };

        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&this.directory, ".", flags, Mode::from_raw_mode(mode)) {
            Ok(fd) => this.nameless = Some(fill(File::from(fd), bytes, mode, owner)?),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {
                remove_stale(&this.directory, &this.hidden)?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
                let fd = rustix::fs::openat(&this.directory, &this.hidden, flags, Mode::from_raw_mode(mode))?;
                this.is_hidden = true;
                fill(File::from(fd), bytes, mode, owner)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(this)
    }

    /// Gives the file its final name.
    fn place(&mut self) -> io::Result<()> {
        if let Some(file) = &self.nameless {
            if name_it(file, &self.directory, &self.name)? {
                return Ok(());
            }
            // The name is taken: use the hidden one, then rename over it.
            remove_stale(&self.directory, &self.hidden)?;
            name_it(file, &self.directory, &self.hidden)?;
            self.is_hidden = true;
        }
        rustix::fs::renameat(&self.directory, &self.hidden, &self.directory, &self.name)?;
        self.is_hidden = false;
        Ok(())
    }
}

/// The temporary name of a file or link.
fn hidden(name: &OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".kubewright");
    hidden
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if self.is_hidden {
            let _ = remove_stale(&self.directory, &self.hidden);
        }
    }
}

/// Creates or replaces a link.
pub fn link(path: &Path, target: &Path) -> io::Result<()> {
    let directory = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let directory = File::open(directory)?;
    let hidden = hidden(name);
    remove_stale(&directory, &hidden)?;
    rustix::fs::symlinkat(target, &directory, &hidden)?;
    rustix::fs::renameat(&directory, &hidden, &directory, name)?;
    directory.sync_all()
}

/// Creates a directory with exactly `mode`.
pub fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) => {}
        Err(Errno::EXIST) if path.is_dir() => return Ok(()),
        // `mkdir` also reports EEXIST if the name belongs to a file.
        Err(Errno::EXIST) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) => return Err(error.into()),
    }
    // The umask may have cleared some bits.
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

/// Writes and syncs; sets the mode again because the umask may have cleared some bits.
fn fill(mut file: File, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<File> {
    if let Some((uid, gid)) = owner {
        keep_owner(&file, uid, gid)?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Changes the owner to that of the replaced file, if this user is permitted to.
fn keep_owner(file: &File, uid: u32, gid: u32) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (uid, gid) {
        return Ok(());
    }
    match std::os::unix::fs::fchown(file, Some(uid), Some(gid)) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Gives an unnamed file its name; false if the name is taken.
fn name_it(file: &File, directory: &File, name: &OsStr) -> io::Result<bool> {
    // Unlike AT_EMPTY_PATH, the magic link in /proc needs no capability.
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    match rustix::fs::linkat(CWD, link.as_str(), directory, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn remove_stale(directory: &File, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
