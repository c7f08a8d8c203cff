//! Files in another user's directory, on which root works for that user.
//!
//! The user may change anything there at the same time, so paths are not trusted: the directory is opened once, links
//! are not followed, and a file belongs to the user before it gets its name. Reads: one file. Writes: the directory,
//! the file.

use super::atomic::{self, Owner};
use super::bounded;
use super::{Content, FileError, HostFiles, Written};
use crate::base::gate::Change;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const DIRECTORY_MODE: u32 = 0o700;
const LINK: &str =
    "it is a link or a special file, which is not followed for another user: run the command as that user";
const FOREIGN: &str = "it belongs to another user";
const OPEN_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl HostFiles {
    /// The content of a file in a directory of `owner`; None if either does not exist.
    pub fn read_owned(&self, path: &Path, owner: Owner) -> Result<Option<Vec<u8>>, FileError> {
        let home = self.real(path.parent().and_then(Path::parent).unwrap_or(path))?;
        let (parent, name) = names(path);
        let read = || -> io::Result<Option<Vec<u8>>> {
            let Some(directory) = open_directory(&home, parent, owner, self.is_live())? else { return Ok(None) };
            Ok(open_file(&directory, name)?.map(|(bytes, _)| bytes))
        };
        read().map_err(|source| FileError { verb: "read", path: path.to_path_buf(), source })
    }

    /// The content of a file in a directory of a home directory; None if either does not exist. Their owner does not
    /// matter, and nothing is changed.
    pub fn read_in_home(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        let home = self.real(path.parent().and_then(Path::parent).unwrap_or(path))?;
        let (directory, name) = names(path);
        let read = || -> io::Result<Option<Vec<u8>>> {
            let home = match rustix::fs::open(&home, OPEN_DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()) {
                Ok(home) => home,
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            };
            let directory = match rustix::fs::openat(home, directory, OPEN_DIRECTORY, Mode::empty()) {
                Ok(directory) => directory,
                Err(Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            };
            let file = bounded::open_in(directory, name)?;
            file.map(|file| bounded::bytes_of(&file, bounded::HOME_LIMIT)).transpose()
        };
        read().map_err(|source| FileError { verb: "read", path: path.to_path_buf(), source })
    }

    /// Writes a file in a directory of `owner`, creating the directory if needed; both belong to the owner from the
    /// start. An up-to-date file is left alone.
    pub fn write_owned(&self, path: &Path, content: &Content, mode: u32, owner: Owner) -> Result<Written, FileError> {
        let home = self.real(path.parent().and_then(Path::parent).unwrap_or(path))?;
        let (parent, name) = names(path);
        let failed = |verb| move |source| FileError { verb, path: path.to_path_buf(), source };
        let mut directory = open_directory(&home, parent, owner, self.is_live()).map_err(failed("write"))?;
        if directory.is_none() {
            let new = path.parent().unwrap_or(path).to_path_buf();
            directory = self
                .gate
                .pass(Change::CreateDirectory { path: new, mode: DIRECTORY_MODE }, || {
                    match rustix::fs::mkdirat(&open_home(&home)?, parent, Mode::from_raw_mode(DIRECTORY_MODE)) {
                        Ok(()) | Err(Errno::EXIST) => open_directory(&home, parent, owner, self.is_live()),
                        Err(errno) => Err(errno.into()),
                    }
                })
                .map_err(failed("create"))?
                .flatten();
        }
        let there =
            directory.as_ref().map(|directory| open_file(directory, name)).transpose().map_err(failed("read"))?;
        let there = there.flatten();
        let is_right = there.as_ref().is_some_and(|(bytes, metadata)| {
            let is_owners = !self.is_live() || (metadata.uid(), metadata.gid()) == owner;
            is_owners && super::bits(metadata) == mode && bytes == content.bytes.expose()
        });
        if is_right {
            return Ok(Written::Unchanged);
        }
        let before = there.as_ref().map(|(bytes, _)| self.shown_before(path, bytes, content));
        let written = if before.is_some() { Written::Changed } else { Written::Created };
        let change = Change::WriteFile { path: path.to_path_buf(), mode, before, after: content.shown.clone() };
        let put = || match directory {
            Some(directory) => atomic::write_in(directory, name, content.bytes.expose(), mode, owner),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        self.gate.pass(change, put).map_err(failed("write"))?;
        Ok(written)
    }
}

/// The names of the directory and of the file in it.
fn names(path: &Path) -> (&OsStr, &OsStr) {
    (path.parent().and_then(Path::file_name).unwrap_or_default(), path.file_name().unwrap_or_default())
}

/// The administrator decides where a home directory is, so it may be a link.
fn open_home(home: &Path) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(home, OPEN_DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())?))
}

/// Opens the owner's directory in `home`. If root owns it, an earlier run was interrupted before changing the owner.
fn open_directory(home: &Path, name: &OsStr, owner: Owner, is_live: bool) -> io::Result<Option<File>> {
    let directory = match rustix::fs::openat(&open_home(home)?, name, OPEN_DIRECTORY, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(io::Error::other(LINK)),
        Err(errno) => return Err(errno.into()),
    };
    // Below a root directory, files do not have the host's owners.
    match directory.metadata()?.uid() {
        _ if !is_live => {}
        uid if uid == owner.0 => {}
        0 => std::os::unix::fs::fchown(&directory, Some(owner.0), Some(owner.1))?,
        _ => return Err(io::Error::other(FOREIGN)),
    }
    Ok(Some(directory))
}

fn open_file(directory: &File, name: &OsStr) -> io::Result<Option<(Vec<u8>, std::fs::Metadata)>> {
    let Some(file) = bounded::open_in(directory, name).map_err(no_link)? else { return Ok(None) };
    let metadata = file.metadata()?;
    // A hard link to another user's file would expose its content.
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(io::Error::other(LINK));
    }
    Ok(Some((bounded::bytes_of(&file, bounded::HOME_LIMIT)?, metadata)))
}

fn no_link(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) { io::Error::other(LINK) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use std::os::unix::fs::symlink;

    const CONFIG: &str = "/home/bob/.kube/config";

    fn home() -> (tempfile::TempDir, HostFiles, Owner) {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("home/bob")).unwrap();
        let there = std::fs::metadata(root.path()).unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let owner = if there.uid() == 0 { (2000, 2001) } else { (there.uid(), there.gid()) };
        (root, files, owner)
    }

    #[test]
    fn a_users_file_belongs_to_the_user_from_the_start() {
        let (root, files, owner) = home();
        let path = Path::new(CONFIG);
        let write = |text: &str| files.write_owned(path, &Content::public(text), 0o600, owner).unwrap();
        assert_eq!(files.read_owned(path, owner).unwrap(), None);
        assert_eq!([write("a"), write("a"), write("b")], [Written::Created, Written::Unchanged, Written::Changed]);
        assert_eq!(files.read_owned(path, owner).unwrap().as_deref(), Some(b"b".as_slice()));
        let there = std::fs::metadata(root.path().join("home/bob/.kube/config")).unwrap();
        assert_eq!(((there.uid(), there.gid()), super::super::bits(&there)), (owner, 0o600));
        assert_eq!(std::fs::read_dir(root.path().join("home/bob/.kube")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_created_by_the_user_is_not_followed() {
        let (root, files, owner) = home();
        let path = Path::new(CONFIG);
        let victim = root.path().join("victim");
        std::fs::create_dir(&victim).unwrap();
        std::fs::write(victim.join("config"), "mine").unwrap();
        let kube = root.path().join("home/bob/.kube");
        let refuse = || {
            let read = files.read_owned(path, owner).unwrap_err();
            assert!(read.source.to_string().contains("run the command as that user"), "{}", read.source);
            files.write_owned(path, &Content::public("x"), 0o600, owner).unwrap_err();
            assert_eq!(std::fs::read_to_string(victim.join("config")).unwrap(), "mine");
        };
        symlink(&victim, &kube).unwrap();
        refuse();
        std::fs::remove_file(&kube).unwrap();
        std::fs::create_dir(&kube).unwrap();
        symlink(victim.join("config"), kube.join("config")).unwrap();
        refuse();
        std::fs::remove_file(kube.join("config")).unwrap();
        std::fs::hard_link(victim.join("config"), kube.join("config")).unwrap();
        refuse();
    }

    #[test]
    fn a_dry_run_records_directory_and_file() {
        let (root, _, owner) = home();
        let gate = Gate::recording();
        let files = HostFiles::new(root.path(), gate.clone());
        files.write_owned(Path::new(CONFIG), &Content::public("x"), 0o600, owner).unwrap();
        assert_eq!(gate.count(), 2);
        assert!(!root.path().join("home/bob/.kube").exists());
    }
}
