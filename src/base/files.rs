//! The files of a host: read, and written whole or not at all.
//!
//! Reads: any path below the root folder. Writes: only what the gate lets through. In a dry run
//! what would have been written is kept in memory and read back from there, so that a later phase
//! sees the certificate that an earlier one "wrote".

use super::exit_code::ExitCode;
use super::fault::Fault;
use super::gate::{Change, Gate};
use super::rooted;
use super::secret::Secret;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

mod atomic;
mod bounded;
#[cfg(not(test))]
mod faults;
#[cfg(test)]
pub(crate) mod faults;
mod in_place;
mod owned;
mod together;

pub use atomic::unfinished;
pub use together::NotReplaced;

/// What the kernel answers for an immutable file, also to root.
const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();

/// What went wrong with which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub struct FileError {
    /// `read`, `write`, `create`, `remove`, `list`.
    pub verb: &'static str,
    /// The path as this machine sees it.
    pub path: PathBuf,
    /// The operating system's word.
    #[source]
    pub source: io::Error,
}

impl Fault for FileError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        let shown = self.path.display();
        Some(match self.source.kind() {
            io::ErrorKind::PermissionDenied if self.source.raw_os_error() == Some(EPERM) => {
                format!(
                    "run the command as root; as root, run 'lsattr {shown}': 'chattr -i' lifts the flag 'immutable'"
                )
            }
            io::ErrorKind::PermissionDenied => {
                format!("run the command as root, or run 'ls -ld {shown}' to see who may")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("make room: run 'df -h {}'", self.path.parent().unwrap_or(&self.path).display())
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                format!(
                    "the file system is mounted read-only: run 'findmnt -T {shown}' and remount it with 'mount -o remount,rw …'"
                )
            }
            io::ErrorKind::ResourceBusy => format!(
                "a file that is mounted by itself cannot be replaced: run 'findmnt -T {shown}', and mount its directory instead"
            ),
            io::ErrorKind::IsADirectory => {
                format!("a folder is where a file should be: run 'ls -la {shown}', then move it away")
            }
            io::ErrorKind::NotADirectory => {
                format!("a file is where a folder should be on the way to {shown}: move it away")
            }
            io::ErrorKind::NotFound => {
                format!("check the path: run 'ls -la {}'", self.path.parent().unwrap_or(&self.path).display())
            }
            io::ErrorKind::FileTooLarge => format!("run 'ls -lL {shown}': this cannot be the right file; move it away"),
            io::ErrorKind::InvalidData => format!("the file is not text in UTF-8: run 'file {shown}'"),
            _ => format!("run 'stat {shown}'"),
        })
    }
}

/// The content of a file to write, and how it may be shown.
pub struct Content {
    bytes: Secret<Vec<u8>>,
    shown: String,
}

impl Content {
    /// Text that anybody may see.
    pub fn public(text: impl Into<String>) -> Self {
        let shown = text.into();
        Self { bytes: Secret::new(shown.clone().into_bytes()), shown }
    }

    /// A configuration in `key = value` lines, in which credentials (those of a registry, in containerd's) are not
    /// shown.
    pub fn masked(text: &str) -> Self {
        const SECRETS: [&str; 4] = ["password", "auth", "identitytoken", "Authorization"];
        let mask = |line: &str| match line.split_once('=') {
            Some((key, value)) if SECRETS.contains(&key.trim().trim_matches('"')) && !value.trim().is_empty() => {
                format!("{key}= ***\n")
            }
            _ => format!("{line}\n"),
        };
        let shown: String = text.lines().map(mask).collect();
        if shown == text { Self::public(text) } else { Self::secret(text.as_bytes().to_vec(), shown) }
    }

    /// True when it may be shown whole.
    fn is_public(&self) -> bool {
        self.shown.as_bytes() == self.bytes.expose().as_slice()
    }

    /// Bytes that nobody may see; `shown` stands for them in plans and diffs.
    pub fn secret(bytes: impl Into<Vec<u8>>, shown: impl Into<String>) -> Self {
        Self { bytes: Secret::new(bytes.into()), shown: shown.into() }
    }
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file is new.
    Created,
    /// The file has other content or another mode now.
    Changed,
    /// The file was right already.
    Unchanged,
}

/// A host's files. Clones share the gate and what a dry run wrote.
#[derive(Clone)]
pub struct HostFiles {
    root: PathBuf,
    gate: Gate,
    planned: Arc<Mutex<BTreeMap<PathBuf, Option<Planned>>>>,
}

#[derive(Clone)]
struct Planned {
    bytes: Secret<Vec<u8>>,
    shown: String,
}

impl HostFiles {
    /// The files below `root`, which is `/` on a running host.
    pub fn new(root: impl Into<PathBuf>, gate: Gate) -> Self {
        Self { root: root.into(), gate, planned: Arc::default() }
    }

    /// The folder that is the host's `/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True when the files are those of this running machine.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a host path lies on this machine.
    ///
    /// # Errors
    /// When links on the way cannot be followed.
    pub fn real(&self, path: &Path) -> Result<PathBuf, FileError> {
        rooted::resolve(&self.root, path).map_err(|source| FileError {
            verb: "find",
            path: self.root.join(path.strip_prefix("/").unwrap_or(path)),
            source,
        })
    }

    /// The bytes of a file; None when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read, is not a regular file, or is far too large.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        if let Some(planned) = self.planned(path) {
            return Ok(planned.map(|p| p.bytes.expose().clone()));
        }
        let real = self.real(path)?;
        bounded::read(&real, bounded::LIMIT).map_err(|source| FileError { verb: "read", path: real, source })
    }

    /// The text of a file; None when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is not UTF-8.
    pub fn read_text(&self, path: &Path) -> Result<Option<String>, FileError> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|e| FileError {
            verb: "read",
            path: self.real(path).unwrap_or_else(|_| path.to_path_buf()),
            source: io::Error::new(
                io::ErrorKind::InvalidData,
                format!("not UTF-8 at byte {}", e.utf8_error().valid_up_to()),
            ),
        })
    }

    /// True when something (file, folder, link target) is there.
    pub fn exists(&self, path: &Path) -> bool {
        match self.planned(path) {
            Some(planned) => planned.is_some(),
            None => self.real(path).is_ok_and(|real| real.exists()),
        }
    }

    /// The permission bits of what is there.
    pub fn mode(&self, path: &Path) -> Option<u32> {
        let real = self.real(path).ok()?;
        std::fs::metadata(real).ok().map(|m| m.mode() & 0o7777)
    }

    /// When a file was last written, in nanoseconds since the epoch; None when there is none. What a dry run would
    /// have written is newer than everything.
    pub fn modified(&self, path: &Path) -> Option<i64> {
        if let Some(planned) = self.planned(path) {
            return planned.map(|_| i64::MAX);
        }
        let metadata = std::fs::metadata(self.real(path).ok()?).ok()?;
        Some(metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()))
    }

    /// The names in a folder, sorted; empty when there is no such folder.
    ///
    /// # Errors
    /// When it is there and cannot be listed.
    pub fn list(&self, folder: &Path) -> Result<Vec<String>, FileError> {
        let real = self.real(folder)?;
        let mut names: Vec<String> = match std::fs::read_dir(&real) {
            Ok(entries) => entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(FileError { verb: "list", path: real, source }),
        };
        for (path, planned) in self.lock().iter() {
            if path.parent() == Some(folder)
                && let Some(name) = path.file_name().and_then(|n| n.to_str())
            {
                names.retain(|n| n != name);
                if planned.is_some() {
                    names.push(name.to_owned());
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes sure that a folder is there; `mode` is given to the ones that are made, and parents
    /// that are missing get 0755.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn create_dir(&self, path: &Path, mode: u32) -> Result<Written, FileError> {
        let real = self.real(path)?;
        if real.is_dir() || matches!(self.planned(path), Some(Some(_))) {
            return Ok(Written::Unchanged);
        }
        if let Some(parent) = path.parent()
            && parent != Path::new("/")
        {
            self.create_dir(parent, 0o755)?;
        }
        let change = Change::CreateDirectory { path: path.to_path_buf(), mode };
        let done = self.gate.pass(change, || {
            // A root folder that is not there yet is made like any other folder of the tree.
            let outcome = std::fs::create_dir_all(&self.root).and_then(|()| atomic::create_dir(&real, mode));
            outcome.map_err(|source| FileError { verb: "create", path: real.clone(), source })
        })?;
        if done.is_none() {
            self.lock()
                .insert(path.to_path_buf(), Some(Planned { bytes: Secret::new(Vec::new()), shown: String::new() }));
        }
        Ok(Written::Created)
    }

    /// Writes a file whole or not at all, with its mode from the start; its folder is made when it
    /// is missing. A file that is right already is left alone. What is replaced gives its owner to what replaces it.
    ///
    /// # Errors
    /// When the folder or the file cannot be written, or is something else than a file.
    pub fn write(&self, path: &Path, content: &Content, mode: u32) -> Result<Written, FileError> {
        let written = self.write_together(&[(path, content, mode)]).map_err(|error| error.cause)?;
        Ok(written.first().copied().unwrap_or(Written::Unchanged))
    }

    /// The mode of a file that is to be replaced, so that whom it was opened to keeps it; never for everybody, where
    /// `default` is not. `default` where there is none.
    pub fn mode_or(&self, path: &Path, default: u32) -> u32 {
        let widest = if default.trailing_zeros() >= 3 { 0o770 } else { 0o777 };
        self.mode(path).map_or(default, |mode| (mode | default) & widest)
    }

    /// Makes `path` a link to the host path `target`, whatever link or file it was.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn link(&self, path: &Path, target: &Path) -> Result<(), FileError> {
        let parent = path.parent().unwrap_or(path);
        let real = self.real(parent)?.join(path.file_name().unwrap_or_default());
        let change = Change::WriteLink { path: path.to_path_buf(), target: target.to_path_buf() };
        let failed = |source| FileError { verb: "link", path: real.clone(), source };
        self.gate.pass(change, || atomic::link(&real, target).map_err(failed)).map(|_| ())
    }

    /// Removes a file or link; false when there was none.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, path: &Path) -> Result<bool, FileError> {
        let parent = path.parent().unwrap_or(path);
        let real = self.real(parent)?.join(path.file_name().unwrap_or_default());
        let there = match self.planned(path) {
            Some(planned) => planned.is_some(),
            None => real.symlink_metadata().is_ok(),
        };
        if !there {
            return Ok(false);
        }
        let change = Change::Remove { path: path.to_path_buf() };
        let done = self.gate.pass(change, || {
            atomic::remove(&real).map_err(|source| FileError { verb: "remove", path: real.clone(), source })
        })?;
        if done.is_none() {
            self.lock().insert(path.to_path_buf(), None);
        }
        Ok(true)
    }

    /// What may be shown of the old content: all of it when the new content may be shown whole,
    /// otherwise only that there was some.
    fn shown_before(&self, path: &Path, before: &[u8], content: &Content) -> String {
        if let Some(Some(planned)) = self.planned(path) {
            return planned.shown;
        }
        if content.is_public() {
            String::from_utf8_lossy(before).into_owned()
        } else {
            format!("({} bytes, not shown)\n", before.len())
        }
    }

    /// None: untouched by this dry run; `Some(None)`: removed by it.
    #[allow(clippy::option_option)]
    fn planned(&self, path: &Path) -> Option<Option<Planned>> {
        self.lock().get(path).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Option<Planned>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission bits of a file's metadata.
pub fn bits(metadata: &std::fs::Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

#[cfg(test)]
mod tests;
