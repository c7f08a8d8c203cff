//! The files of a host, read and written atomically.
//!
//! Reads: any path below the root directory. Writes: only through the gate. A dry run keeps what it would have written
//! in memory and reads it back from there, so that a later phase sees the certificate that an earlier one "wrote".

use super::chroot_path;
use super::exit_code::ExitCode;
use super::fault::Fault;
use super::gate::{Change, Gate};
use super::masked::{self, Format};
use super::secret::Secret;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

mod atomic;
mod attributes;
mod bounded;
#[cfg(not(test))]
mod faults;
#[cfg(test)]
pub(crate) mod faults;
mod head;
mod in_place;
mod leftovers;
mod owned;
mod streamed;
mod together;

pub use atomic::unfinished;
pub use faults::arm as arm_faults;
pub use leftovers::Leftovers;
pub use streamed::Unfinished;
pub use together::NotReplaced;

/// What the kernel answers for an immutable file, also to root.
const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();

/// A failed file operation.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub struct FileError {
    /// `read`, `write`, `create`, `remove` or `list`.
    pub verb: &'static str,
    /// The path on this machine.
    pub path: PathBuf,
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
                format!("run the command as root, or run 'ls -ld {shown}' to see its permissions")
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("free disk space: run 'df -h {}'", self.path.parent().unwrap_or(&self.path).display())
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
                format!("there is a directory where a file is expected: run 'ls -la {shown}' and move it away")
            }
            io::ErrorKind::NotADirectory => {
                format!("there is a file where a directory is expected in the path {shown}: move it away")
            }
            io::ErrorKind::NotFound => {
                format!("check the path: run 'ls -la {}'", self.path.parent().unwrap_or(&self.path).display())
            }
            io::ErrorKind::FileTooLarge => format!("run 'ls -lL {shown}': this cannot be the right file; move it away"),
            io::ErrorKind::InvalidData => format!("the file is not UTF-8 text: run 'file {shown}'"),
            _ => format!("run 'stat {shown}'"),
        })
    }
}

/// Displays what a file of a kind that can be parsed had before; None if it cannot be parsed.
type Former = fn(&[u8]) -> Option<String>;

/// The content of a file to write, and how it is displayed.
pub struct Content {
    bytes: Secret<Vec<u8>>,
    shown: String,
    /// How secrets are found in what the file had before.
    format: Option<Format>,
    /// What is displayed of what the file had before, for a kind of file that can be parsed; None if it cannot be.
    former: Option<Former>,
}

impl Content {
    /// Text without secrets.
    pub fn public(text: impl Into<String>) -> Self {
        let shown = text.into();
        Self { bytes: Secret::new(shown.clone().into_bytes()), shown, format: None, former: None }
    }

    /// A configuration in which credentials, such as those of a registry, are not displayed.
    pub fn masked(text: &str, format: Format) -> Self {
        Self { format: Some(format), ..Self::secret(text.as_bytes().to_vec(), masked::mask(text, format)) }
    }

    /// True when it may be shown whole.
    fn is_public(&self) -> bool {
        self.shown.as_bytes() == self.bytes.expose().as_slice()
    }

    /// Secret bytes; plans and diffs display `shown` instead.
    pub fn secret(bytes: impl Into<Vec<u8>>, shown: impl Into<String>) -> Self {
        Self { bytes: Secret::new(bytes.into()), shown: shown.into(), format: None, former: None }
    }

    /// The same content, with the displayable part of what the file had before given by `former`.
    #[must_use]
    pub fn with_former(self, former: Former) -> Self {
        Self { former: Some(former), ..self }
    }
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file is new.
    Created,
    /// The content or mode of the file changed.
    Changed,
    /// The file was up to date.
    Unchanged,
}

/// A host's files. Clones share the gate and the files planned by a dry run.
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

    /// The same files, for those that are gone when the change they serve is complete: plans and reports do not list them.
    #[must_use]
    pub fn unlisted(&self) -> Self {
        Self { gate: self.gate.unlisted(), ..self.clone() }
    }

    /// The directory that is the host's `/`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True if these are the files of the running machine.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The path of a host file on this machine.
    pub fn real(&self, path: &Path) -> Result<PathBuf, FileError> {
        chroot_path::resolve(&self.root, path).map_err(|source| FileError {
            verb: "find",
            path: self.root.join(path.strip_prefix("/").unwrap_or(path)),
            source,
        })
    }

    /// The content of a file; None if it does not exist.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        if let Some(planned) = self.planned(path) {
            return Ok(planned.map(|p| p.bytes.expose().clone()));
        }
        let real = self.real(path)?;
        bounded::read(&real, bounded::LIMIT).map_err(|source| FileError { verb: "read", path: real, source })
    }

    /// The content of a text file; None if it does not exist.
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

    /// True if the path (after following links) exists.
    pub fn exists(&self, path: &Path) -> bool {
        match self.planned(path) {
            Some(planned) => planned.is_some(),
            None => self.real(path).is_ok_and(|real| real.exists()),
        }
    }

    /// The permission bits of an existing path.
    pub fn mode(&self, path: &Path) -> Option<u32> {
        let real = self.real(path).ok()?;
        std::fs::metadata(real).ok().map(|m| m.mode() & 0o7777)
    }

    /// The modification time in nanoseconds since the epoch; None if the file does not exist. A file planned by a dry
    /// run is newer than all others.
    pub fn modified(&self, path: &Path) -> Option<i64> {
        if let Some(planned) = self.planned(path) {
            return planned.map(|_| i64::MAX);
        }
        let metadata = std::fs::metadata(self.real(path).ok()?).ok()?;
        Some(metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()))
    }

    /// The sorted names in a directory; empty if it does not exist.
    pub fn list(&self, directory: &Path) -> Result<Vec<String>, FileError> {
        let real = self.real(directory)?;
        let mut names: Vec<String> = match std::fs::read_dir(&real) {
            Ok(entries) => entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(FileError { verb: "list", path: real, source }),
        };
        for (path, planned) in self.lock().iter() {
            if path.parent() == Some(directory)
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

    /// Creates a directory with `mode` if it does not exist; missing parents get 0755.
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
            // A missing root directory is created like any other.
            let outcome = std::fs::create_dir_all(&self.root).and_then(|()| atomic::create_dir(&real, mode));
            outcome.map_err(|source| FileError { verb: "create", path: real.clone(), source })
        })?;
        if done.is_none() {
            self.lock()
                .insert(path.to_path_buf(), Some(Planned { bytes: Secret::new(Vec::new()), shown: String::new() }));
        }
        Ok(Written::Created)
    }

    /// Writes a file atomically with its mode and the owner of the file it replaces, and creates its directory if
    /// needed. An up-to-date file is left alone.
    pub fn write(&self, path: &Path, content: &Content, mode: u32) -> Result<Written, FileError> {
        let written = self.write_together(&[(path, content, mode)]).map_err(|error| error.cause)?;
        Ok(written.first().copied().unwrap_or(Written::Unchanged))
    }

    /// The mode for replacing a file: its current one, so that access granted to others is kept, but never world access
    /// if `default` does not have it. `default` if the file does not exist.
    pub fn mode_or(&self, path: &Path, default: u32) -> u32 {
        let widest = if default.trailing_zeros() >= 3 { 0o770 } else { 0o777 };
        self.mode(path).map_or(default, |mode| (mode | default) & widest)
    }

    /// Creates `path` as a link to the host path `target`, replacing a link or file.
    pub fn link(&self, path: &Path, target: &Path) -> Result<(), FileError> {
        let parent = path.parent().unwrap_or(path);
        let real = self.real(parent)?.join(path.file_name().unwrap_or_default());
        let change = Change::WriteLink { path: path.to_path_buf(), target: target.to_path_buf() };
        let failed = |source| FileError { verb: "link", path: real.clone(), source };
        self.gate.pass(change, || atomic::link(&real, target).map_err(failed)).map(|_| ())
    }

    /// Removes a file or link; false if it did not exist.
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

    /// What may be displayed of the old content: all of it if the new content may be displayed, else only its size.
    fn shown_before(&self, path: &Path, before: &[u8], content: &Content) -> String {
        if let Some(Some(planned)) = self.planned(path) {
            return planned.shown;
        }
        if let Some(shown) = content.former.and_then(|former| former(before)) {
            return shown;
        }
        if let Some(format) = content.format {
            return masked::mask(&String::from_utf8_lossy(before), format);
        }
        if content.is_public() {
            String::from_utf8_lossy(before).into_owned()
        } else {
            format!("({} bytes, not shown)\n", before.len())
        }
    }

    /// None: not touched by this dry run; `Some(None)`: removed by it.
    #[allow(clippy::option_option)]
    fn planned(&self, path: &Path) -> Option<Option<Planned>> {
        self.lock().get(path).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Option<Planned>>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission bits in a file's metadata.
pub fn bits(metadata: &std::fs::Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

#[cfg(test)]
mod tests;
