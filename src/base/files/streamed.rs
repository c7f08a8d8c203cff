//! A file that may be larger than the memory: it is written part by part under a hidden name, and gets its own name once it is
//! complete and on the disk.

use super::faults::{self, Step};
use super::{FileError, HostFiles, atomic};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file without its name. It is removed again unless it is placed.
pub struct Unfinished {
    file: File,
    directory: File,
    hidden: OsString,
    name: OsString,
    path: PathBuf,
    is_placed: bool,
}

impl HostFiles {
    /// Begins the file at `path`, in an existing directory. The caller passes the gate.
    pub fn begin(&self, path: &Path, mode: u32) -> Result<Unfinished, FileError> {
        let parent = path.parent().unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_owned();
        let real = self.real(parent)?.join(&name);
        let begun = || -> io::Result<(File, File, OsString)> {
            let directory = File::open(real.parent().unwrap_or(&real))?;
            let [hidden, _] = atomic::unfinished(&real);
            let hidden = hidden.file_name().unwrap_or_default().to_owned();
            faults::pass(Step::Fill, &hidden)?;
            take_away(&directory, &hidden)?;
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&directory, &hidden, flags, Mode::from_raw_mode(mode))?;
            // The umask may have cleared some bits.
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode))?;
            Ok((File::from(fd), directory, hidden))
        };
        let (file, directory, hidden) =
            begun().map_err(|source| FileError { verb: "write", path: real.clone(), source })?;
        Ok(Unfinished { file, directory, hidden, name, path: real, is_placed: false })
    }

    /// Opens a file for reading, without waiting for a pipe that has no writer.
    pub fn open(&self, path: &Path) -> Result<File, FileError> {
        let real = self.real(path)?;
        let open = || {
            let target = std::fs::canonicalize(&real)?;
            let directory = File::open(target.parent().unwrap_or(&target))?;
            let file = super::bounded::open_in(directory, target.file_name().unwrap_or_default())?;
            file.ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        open().map_err(|source| FileError { verb: "read", path: real.clone(), source })
    }
}

impl Unfinished {
    /// What has been written so far, to verify it.
    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).map_err(|source| FileError { verb: "write", path: self.path.clone(), source })
    }

    /// Gives the file its name. An existing file of that name is replaced only if `replaces`.
    pub fn place(mut self, replaces: bool) -> Result<(), FileError> {
        self.place_in(replaces).map_err(|source| FileError { verb: "write", path: self.path.clone(), source })?;
        self.is_placed = true;
        self.directory.sync_all().map_err(|source| FileError { verb: "write", path: self.path.clone(), source })
    }

    fn place_in(&self, replaces: bool) -> io::Result<()> {
        self.file.sync_all()?;
        faults::pass(Step::Rename, &self.name)?;
        let here = &self.directory;
        if replaces {
            return Ok(rustix::fs::renameat(here, &self.hidden, here, &self.name)?);
        }
        match rustix::fs::renameat_with(here, &self.hidden, here, &self.name, RenameFlags::NOREPLACE) {
            // The file system does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(here, &self.hidden, here, &self.name, AtFlags::empty())?;
                take_away(here, &self.hidden)
            }
            outcome => Ok(outcome?),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_placed && faults::pass(Step::Remove, &self.hidden).is_ok() {
            let _ = take_away(&self.directory, &self.hidden);
        }
    }
}

fn take_away(directory: &File, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;
    use std::os::unix::fs::PermissionsExt;

    fn names(root: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(root).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let mut file = files.begin(Path::new("/a.db"), 0o600).unwrap();
        file.append(b"abc").unwrap();
        assert_eq!(names(root.path()), [".a.db.kubewright"]);
        drop(file);
        assert!(names(root.path()).is_empty(), "it was given up");
        let mut file = files.begin(Path::new("/a.db"), 0o600).unwrap();
        file.append(b"abc").unwrap();
        file.append(b"def").unwrap();
        file.place(false).unwrap();
        assert_eq!(names(root.path()), ["a.db"]);
        assert_eq!(std::fs::read(root.path().join("a.db")).unwrap(), b"abcdef");
        let mode = std::fs::metadata(root.path().join("a.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn an_existing_file_is_replaced_only_on_request() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        std::fs::write(root.path().join("a.db"), "old").unwrap();
        let error = files.begin(Path::new("/a.db"), 0o600).unwrap().place(false).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(root.path()), ["a.db"]);
        assert_eq!(std::fs::read(root.path().join("a.db")).unwrap(), b"old");
        files.begin(Path::new("/a.db"), 0o600).unwrap().place(true).unwrap();
        assert_eq!(std::fs::read(root.path().join("a.db")).unwrap(), b"");
    }

    #[test]
    fn a_file_is_opened_through_a_link() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        std::fs::write(root.path().join("a"), "x").unwrap();
        std::os::unix::fs::symlink("a", root.path().join("link")).unwrap();
        files.open(Path::new("/link")).unwrap();
        assert_eq!(files.open(Path::new("/b")).unwrap_err().source.kind(), io::ErrorKind::NotFound);
    }
}
