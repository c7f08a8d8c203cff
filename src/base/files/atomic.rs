//! Files and folders, each put in place in one step that a crash cannot halve.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a write of `path` that is killed may leave beside it, whole, with the mode of the file.
pub fn unfinished(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.to_path_buf(), |name| path.with_file_name(hidden(name)))
}

/// A user and a group, by their numbers.
pub type Owner = (u32, u32);

/// Where a file goes, what is in it, and its mode.
pub type New<'a> = (&'a Path, &'a [u8], u32);

/// Writes files whole or not at all. All of them are on the disk before the first gets its name, and the names follow
/// right after each other: whoever reads a key and then its certificate hardly ever sees one without the other. What is
/// replaced gives its owner to what replaces it.
///
/// # Errors
/// With the path of the file that could not be written.
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

/// Writes a file whole or not at all into an open folder, where it is the owner's before it has its name.
pub fn write_in(directory: File, name: &OsStr, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut prepared = Prepared::new(directory, name, bytes, mode, Some(owner))?;
    prepared.place()?;
    prepared.directory.sync_all()
}

/// A file that is whole and on the disk, and has no name yet. Where the file system has no nameless files, a hidden
/// name is used, and what a killed run left under it is replaced by the next one.
struct Prepared {
    directory: File,
    name: OsString,
    hidden: OsString,
    nameless: Option<File>,
    is_hidden: bool,
}

impl Prepared {
    fn at(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Self> {
        let folder = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let owner = std::fs::metadata(path).ok().map(|there| (there.uid(), there.gid()));
        Self::new(File::open(folder)?, name, bytes, mode, owner)
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

    /// Gives it its name.
    fn place(&mut self) -> io::Result<()> {
        if let Some(file) = &self.nameless {
            if name_it(file, &self.directory, &self.name)? {
                return Ok(());
            }
            // The name is taken: take the hidden one, then move over it.
            remove_stale(&self.directory, &self.hidden)?;
            name_it(file, &self.directory, &self.hidden)?;
            self.is_hidden = true;
        }
        rustix::fs::renameat(&self.directory, &self.hidden, &self.directory, &self.name)?;
        self.is_hidden = false;
        Ok(())
    }
}

/// The name that a file or link has before it takes the place of another.
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

/// Makes or replaces a link.
pub fn link(path: &Path, target: &Path) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let directory = File::open(folder)?;
    let hidden = hidden(name);
    remove_stale(&directory, &hidden)?;
    rustix::fs::symlinkat(target, &directory, &hidden)?;
    rustix::fs::renameat(&directory, &hidden, &directory, name)?;
    directory.sync_all()
}

/// Makes one folder with exactly `mode`.
pub fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) => {}
        Err(Errno::EXIST) if path.is_dir() => return Ok(()),
        // `mkdir` calls it "exists" when a file has the name.
        Err(Errno::EXIST) => return Err(io::ErrorKind::NotADirectory.into()),
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
fn fill(mut file: File, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<File> {
    if let Some((uid, gid)) = owner {
        keep_owner(&file, uid, gid)?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Gives the file to the owner of the one that it replaces. Who may not give files away replaces it as before.
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

/// Gives a nameless file its name; false when the name is taken.
fn name_it(file: &File, directory: &File, name: &OsStr) -> io::Result<bool> {
    // The magic link of /proc needs no capability, unlike AT_EMPTY_PATH.
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
