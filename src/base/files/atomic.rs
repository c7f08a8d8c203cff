//! Files and folders, each put in place in one step that a crash cannot halve.

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

/// What a write of `path` that is killed may leave beside it, whole, with the mode of the file: the new file, and the
/// old one.
pub fn unfinished(path: &Path) -> [PathBuf; 2] {
    let beside = |name: fn(&OsStr) -> OsString| {
        path.file_name().map_or_else(|| path.to_path_buf(), |there| path.with_file_name(name(there)))
    };
    [beside(hidden), beside(hidden_old)]
}

/// A user and a group, by their numbers.
pub type Owner = (u32, u32);

/// The owner of a new file, and the file whose further attributes it gets.
type Like<'a> = (Owner, Option<&'a Path>);

/// Writes a file whole or not at all into an open folder, where it is the owner's before it has its name.
pub fn write_in(directory: File, name: &OsStr, bytes: &[u8], mode: u32, owner: Owner) -> io::Result<()> {
    let mut prepared = Prepared::new(directory, name, hidden(name), bytes, mode, Some((owner, None)))?;
    prepared.place()?;
    prepared.sync()
}

/// A file that is whole and on the disk, and has no name yet. Where the file system has no nameless files, a hidden
/// name is used, and what a killed run left under it is replaced by the next one.
pub struct Prepared {
    directory: File,
    name: OsString,
    hidden: OsString,
    nameless: Option<File>,
    is_hidden: bool,
}

impl Prepared {
    /// What is to take the place of `path`, with the owner of what is there; `owner` is that of a new file.
    pub fn at(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let there = std::fs::metadata(path).ok().map(|there| (there.uid(), there.gid()));
        let owner = there.or(owner);
        let (folder, name) = split(path)?;
        Self::new(File::open(folder)?, name, hidden(name), bytes, mode, owner.map(|owner| (owner, Some(path))))
    }

    /// A copy of the file that is at `path`, for putting it back; None when there is none.
    pub fn copy_of(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => Secret::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let there = std::fs::metadata(path)?;
        let (folder, name) = split(path)?;
        let (mode, owner) = (there.mode() & 0o7777, (there.uid(), there.gid()));
        let like = Some((owner, Some(path)));
        Self::new(File::open(folder)?, name, hidden_old(name), bytes.expose(), mode, like).map(Some)
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

    /// Gives it its name.
    pub fn place(&mut self) -> io::Result<()> {
        if let Some(file) = &self.nameless {
            if name_it(file, &self.directory, &self.name)? {
                return Ok(());
            }
            // The name is taken: take the hidden one, then move over it.
            remove_stale(&self.directory, &self.hidden)?;
            if !name_it(file, &self.directory, &self.hidden)? {
                // Somebody else's file must not be moved to the name.
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            self.is_hidden = true;
        }
        faults::pass(Step::Rename, &self.name)?;
        rustix::fs::renameat(&self.directory, &self.hidden, &self.directory, &self.name)?;
        self.is_hidden = false;
        Ok(())
    }

    /// Removes what has its name.
    pub fn take_away(&self) -> io::Result<()> {
        remove_stale(&self.directory, &self.name)
    }

    /// Has the name survive a power failure.
    pub fn sync(&self) -> io::Result<()> {
        faults::pass(Step::Sync, &self.name)?;
        self.directory.sync_all()
    }
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent().zip(path.file_name()).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// The name that a file or link has before it takes the place of another.
fn hidden(name: &OsStr) -> OsString {
    [OsStr::new("."), name, OsStr::new(".kubewright")].into_iter().collect()
}

/// The name that a copy of the old file has before it is put back.
fn hidden_old(name: &OsStr) -> OsString {
    [OsStr::new("."), name, OsStr::new(".kubewright-old")].into_iter().collect()
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
    let (folder, name) = split(path)?;
    let directory = File::open(folder)?;
    let hidden = hidden(name);
    remove_stale(&directory, &hidden)?;
    faults::pass(Step::Name, &hidden)?;
    rustix::fs::symlinkat(target, &directory, &hidden)?;
    faults::pass(Step::Rename, name)?;
    rustix::fs::renameat(&directory, &hidden, &directory, name)?;
    directory.sync_all()
}

/// Makes one folder with exactly `mode`.
pub fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    faults::pass(Step::MakeDirectory, path.file_name().unwrap_or_default())?;
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
    faults::pass(Step::Remove, path.file_name().unwrap_or_default())?;
    std::fs::remove_file(path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes and syncs; the mode is set again because the umask may have taken bits away.
fn fill(mut file: File, bytes: &[u8], mode: u32, like: Option<Like<'_>>) -> io::Result<File> {
    if let Some(((uid, gid), from)) = like {
        keep_owner(&file, uid, gid)?;
        if let Some(from) = from {
            attributes::carry(from, &file)?;
        }
    }
    // After the access control list, of which the mode is the upper bound.
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
    faults::pass(Step::Name, name)?;
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
