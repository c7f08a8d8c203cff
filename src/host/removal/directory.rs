//! An open directory, and what can be reached from it by one name.
//!
//! Reads: what names stand for. Writes nothing.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A directory, by its descriptor.
pub(super) struct Directory {
    fd: OwnedFd,
    place: Place,
}

/// Where something lies: equal for two things exactly when neither a mount point nor the border of a file system
/// (such as that of a btrfs subvolume, which the mount table does not show) is between them.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    device: u64,
    mount: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    /// Something is mounted on it.
    Mount,
}

/// The result of opening a name as a directory.
pub(super) enum Opened {
    Here(Directory),
    /// It is on another mount or file system.
    Elsewhere,
    /// The name does not exist, or is not a directory.
    NoDirectory,
}

const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Directory {
    /// The directory that is the host's `/`; links on the way to it are the caller's own.
    pub(super) fn root(path: &Path) -> Result<Self, Errno> {
        let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let place = place(fd.as_fd())?;
        Ok(Self { fd, place })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What a name in it stands for; None when there is nothing.
    pub(super) fn kind(&self, name: &OsStr) -> Result<Option<Kind>, Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let file_type = match rustix::fs::statx(&self.fd, name, flags, StatxFlags::TYPE) {
            Ok(found) if found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) => return Ok(Some(Kind::Mount)),
            Ok(found) => FileType::from_raw_mode(found.stx_mode.into()),
            Err(Errno::NOSYS) => match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => FileType::from_raw_mode(found.st_mode),
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(errno),
            },
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        Ok(Some(match file_type {
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            _ => Kind::File,
        }))
    }

    /// Where a link in it leads.
    pub(super) fn target(&self, name: &OsStr) -> Result<PathBuf, Errno> {
        let target = rustix::fs::readlinkat(&self.fd, name, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    /// Opens a directory in it, if that is on the same mount and file system.
    pub(super) fn open(&self, name: &OsStr) -> Result<Opened, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        Ok(match self.open_with(name, resolve)? {
            // Asked again of what was opened: kernels before 5.6 do not know how to be asked before.
            Opened::Here(directory) if directory.place != self.place => Opened::Elsewhere,
            other => other,
        })
    }

    /// Opens a directory in it, also one on which something is mounted.
    pub(super) fn open_anywhere(&self, name: &OsStr) -> Result<Opened, Errno> {
        self.open_with(name, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
    }

    /// `name` is one name, so that without openat2 `O_NOFOLLOW` keeps links out just as well.
    fn open_with(&self, name: &OsStr, resolve: ResolveFlags) -> Result<Opened, Errno> {
        let opened = match rustix::fs::openat2(&self.fd, name, FLAGS, Mode::empty(), resolve) {
            Err(Errno::NOSYS) => rustix::fs::openat(&self.fd, name, FLAGS, Mode::empty()),
            other => other,
        };
        match opened {
            Ok(fd) => {
                let place = place(fd.as_fd())?;
                Ok(Opened::Here(Self { fd, place }))
            }
            Err(Errno::XDEV) => Ok(Opened::Elsewhere),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(Opened::NoDirectory),
            Err(errno) => Err(errno),
        }
    }

    /// The names in it.
    pub(super) fn names(&self) -> Result<Vec<OsString>, Errno> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn place(fd: BorrowedFd<'_>) -> Result<Place, Errno> {
    let device = rustix::fs::fstat(fd)?.st_dev;
    let asked = rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
    let known = asked.ok().filter(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID));
    let mount = match known {
        Some(found) => found.stx_mnt_id,
        // Kernels before 5.8.
        None => mount_of_descriptor(fd).ok_or(Errno::NOSYS)?,
    };
    Ok(Place { device, mount })
}

fn mount_of_descriptor(fd: BorrowedFd<'_>) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}
