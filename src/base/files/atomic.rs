//! Atomic creation and replacement of files and directories.

use super::attributes;
use super::faults::{self, Step};
use crate::base::secret::Secret;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The temporary files that an interrupted write of `path` may leave behind: the complete new file, and a copy of the
/// old one.
pub fn unfinished(path: &Path) -> [PathBuf; 2] {
    let beside = |name: fn(&OsStr) -> OsString| {
        path.file_name().map_or_else(|| path.to_path_buf(), |there| path.with_file_name(name(there)))
    };
    [beside(hidden), beside(hidden_old)]
}

/// User and group ID.
pub type Owner = (u32, u32);

/// True for the names that [`unfinished`] lists.
pub fn is_unfinished(name: &OsStr) -> bool {
    let Some(rest) = name.to_str().and_then(|name| name.strip_prefix('.')) else { return false };
    [".kubewright", ".kubewright-old"].iter().any(|end| rest.strip_suffix(end).is_some_and(|file| !file.is_empty()))
}

/// The owner of a new file, and the file whose other attributes it gets.
type Like<'a> = (Owner, Option<&'a Path>);

/// Writes a file atomically into an open directory; it belongs to `owner` before it gets its name.
pub fn write_in(directory: File, name: &OsStr, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut prepared = Prepared::new(directory, name, hidden(name), bytes, mode, Some((owner, None)))?;
    prepared.place()?;
    prepared.sync()
}

/// A complete file on disk that does not have its final name yet. File systems without unnamed files get a hidden name,
/// under which the leftover of an interrupted run is replaced.
pub struct Prepared {
    directory: File,
    name: OsString,
    hidden: OsString,
    nameless: Option<File>,
    is_hidden: bool,
}

impl Prepared {
    /// The replacement of `path`, with its current owner; `owner` is that of a new file.
    pub fn at(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let existing = std::fs::metadata(path).ok().map(|metadata| (metadata.uid(), metadata.gid()));
        let owner = existing.or(owner);
        let (directory, name) = split(path)?;
        Self::new(File::open(directory)?, name, hidden(name), bytes, mode, owner.map(|owner| (owner, Some(path))))
    }

    /// A copy of the file at `path`, for restoring it; None if it does not exist.
    pub fn copy_of(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => Secret::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let there = std::fs::metadata(path)?;
        let (directory, name) = split(path)?;
        let (mode, owner) = (there.mode() & 0o7777, (there.uid(), there.gid()));
        let like = Some((owner, Some(path)));
        Self::new(File::open(directory)?, name, hidden_old(name), bytes.expose(), mode, like).map(Some)
    }

    fn new(
        directory: File,
        name: &OsStr,
        hidden: OsString,
        bytes: &[u8],
        mode: u32,
        like: Option<Like<'_>>,
    ) -> io::Result<Self> {
        faults::pass(Step::Fill, &hidden)?;
        let mut this = Self { directory, name: name.to_owned(), hidden, nameless: None, is_hidden: false };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&this.directory, ".", flags, Mode::from_raw_mode(mode)) {
            Ok(fd) => this.nameless = Some(fill(File::from(fd), bytes, mode, like)?),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {
                remove_stale(&this.directory, &this.hidden)?;
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
                let fd = rustix::fs::openat(&this.directory, &this.hidden, flags, Mode::from_raw_mode(mode))?;
                this.is_hidden = true;
                fill(File::from(fd), bytes, mode, like)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(this)
    }

    /// Gives the file its final name.
    pub fn place(&mut self) -> io::Result<()> {
        if let Some(file) = &self.nameless {
            if name_it(file, &self.directory, &self.name)? {
                return Ok(());
            }
            // The name is taken: use the hidden one, then rename over it.
            remove_stale(&self.directory, &self.hidden)?;
            if !name_it(file, &self.directory, &self.hidden)? {
                // Another process's file must not be renamed.
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            self.is_hidden = true;
        }
        faults::pass(Step::Rename, &self.name)?;
        rustix::fs::renameat(&self.directory, &self.hidden, &self.directory, &self.name)?;
        self.is_hidden = false;
        Ok(())
    }

    /// Removes the file with its name.
    pub fn take_away(&self) -> io::Result<()> {
        remove_stale(&self.directory, &self.name)
    }

    /// Syncs the directory, so that the name survives a power failure.
    pub fn sync(&self) -> io::Result<()> {
        faults::pass(Step::Sync, &self.name)?;
        self.directory.sync_all()
    }
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent().zip(path.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// The temporary name of a file or link.
fn hidden(name: &OsStr) -> OsString {
    [OsStr::new("."), name, OsStr::new(".kubewright")].into_iter().collect()
}

/// The temporary name of the copy of the old file.
fn hidden_old(name: &OsStr) -> OsString {
    [OsStr::new("."), name, OsStr::new(".kubewright-old")].into_iter().collect()
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if self.is_hidden && faults::pass(Step::Remove, &self.hidden).is_ok() {
            let _ = remove_stale(&self.directory, &self.hidden);
        }
    }
}

/// Creates or replaces a link.
pub fn link(path: &Path, target: &Path) -> io::Result<()> {
    let (directory, name) = split(path)?;
    let directory = File::open(directory)?;
    let hidden = hidden(name);
    remove_stale(&directory, &hidden)?;
    faults::pass(Step::Name, &hidden)?;
    rustix::fs::symlinkat(target, &directory, &hidden)?;
    faults::pass(Step::Rename, name)?;
    rustix::fs::renameat(&directory, &hidden, &directory, name)?;
    directory.sync_all()
}

/// Creates a directory with exactly `mode`.
pub fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    faults::pass(Step::MakeDirectory, path.file_name().unwrap_or_default())?;
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
    faults::pass(Step::Remove, path.file_name().unwrap_or_default())?;
    std::fs::remove_file(path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes and syncs; sets the mode again because the umask may have cleared some bits.
fn fill(mut file: File, bytes: &[u8], mode: u32, like: Option<Like<'_>>) -> io::Result<File> {
    if let Some(((uid, gid), from)) = like {
        keep_owner(&file, uid, gid)?;
        if let Some(from) = from {
            attributes::carry(from, &file)?;
        }
    }
    // After the access control list, which the mode limits.
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
    faults::pass(Step::Name, name)?;
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
