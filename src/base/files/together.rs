//! Replaces files that belong together, such as a key and its certificate: all of them or none.
//!
//! All new files and copies of the old ones are on disk before the first one is renamed into place. If one of them
//! cannot be replaced, the others are restored.

use super::atomic::{Owner, Prepared};
use super::{Content, FileError, HostFiles, Planned, Written, in_place};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::gate::Change;
use rustix::io::Errno;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that belong together were not replaced.
#[derive(Debug, thiserror::Error)]
#[error("{cause}{}", state(.stuck))]
pub struct NotReplaced {
    /// The first failure.
    #[source]
    pub cause: FileError,
    /// The files with new content that could not be restored; empty if all were.
    pub stuck: Vec<PathBuf>,
}

fn state(stuck: &[PathBuf]) -> String {
    if stuck.is_empty() {
        return String::new();
    }
    let names: Vec<String> = stuck.iter().map(|path| path.display().to_string()).collect();
    format!(", and {} could not be restored", names.join(", "))
}

impl From<FileError> for NotReplaced {
    fn from(cause: FileError) -> Self {
        Self { cause, stuck: Vec::new() }
    }
}

impl Fault for NotReplaced {
    fn exit_code(&self) -> ExitCode {
        self.cause.exit_code()
    }

    fn hint(&self) -> Option<String> {
        self.cause.hint()
    }
}

impl HostFiles {
    /// Writes files that belong together, such as a key and its certificate: like [`HostFiles::write`], but all are on
    /// disk before the first one is renamed into place, and if one cannot be replaced, all are restored. The error
    /// lists the files that could not be.
    pub fn write_together(&self, writes: &[(&Path, &Content, u32)]) -> Result<Vec<Written>, NotReplaced> {
        self.write_all(writes, None)
    }

    /// Like [`HostFiles::write`], but a new file gets the mode and owner of the file `like`, so that the same users can
    /// read both; `mode` if that does not exist.
    pub fn write_like(&self, like: &Path, path: &Path, content: &Content, mode: u32) -> Result<Written, FileError> {
        let real = self.real(like)?;
        let owner = std::fs::metadata(real).ok().map(|there| (there.uid(), there.gid()));
        let writes = [(path, content, self.mode_or(like, mode))];
        let written = self.write_all(&writes, owner).map_err(|error| error.cause)?;
        Ok(written.first().copied().unwrap_or(Written::Unchanged))
    }

    fn write_all(&self, writes: &[(&Path, &Content, u32)], owner: Option<Owner>) -> Result<Vec<Written>, NotReplaced> {
        let (mut outcome, mut changes, mut due) = (Vec::new(), Vec::new(), Vec::new());
        for &(path, content, mode) in writes {
            let before = self.read(path)?;
            let same_mode = matches!(self.planned(path), Some(Some(_))) || self.mode(path) == Some(mode);
            if before.as_deref() == Some(content.bytes.expose().as_slice()) && same_mode {
                outcome.push(Written::Unchanged);
                continue;
            }
            if let Some(directory) = path.parent() {
                self.create_dir(directory, 0o755)?;
            }
            let real = self.real(path)?;
            // A file that is a link stays one: the kubelet refuses to renew a certificate whose link is gone.
            due.push((std::fs::canonicalize(&real).unwrap_or(real), path, content, mode));
            changes.push(Change::WriteFile {
                path: path.to_path_buf(),
                mode,
                before: before.as_ref().map(|bytes| self.shown_before(path, bytes, content)),
                after: content.shown.clone(),
            });
            outcome.push(if before.is_some() { Written::Changed } else { Written::Created });
        }
        let files: Vec<New<'_>> = due
            .iter()
            .map(|(path, _, content, mode)| New { path, bytes: content.bytes.expose(), mode: *mode, content, owner })
            .collect();
        let done = self.gate.pass_all(changes, || match replace(&files) {
            Ok(()) => files.iter().map(|_| Ok(())).collect(),
            Err(failure) => vec![Err(failure)],
        });
        match done {
            Some(done) => done.into_iter().collect::<Result<(), _>>()?,
            None => self.lock().extend(due.into_iter().map(|(_, path, content, _)| {
                let planned = Planned { bytes: content.bytes.clone(), shown: content.shown.clone() };
                (path.to_path_buf(), Some(planned))
            })),
        }
        Ok(outcome)
    }
}

/// A file to write.
struct New<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    mode: u32,
    content: &'a Content,
    /// The owner of a new file; None: the user of this process.
    owner: Option<Owner>,
}

/// The new file, and a copy of the one that it replaces.
struct Exchange<'a> {
    path: &'a Path,
    new: Prepared,
    old: Option<Prepared>,
}

impl Exchange<'_> {
    fn undo(&mut self) -> io::Result<()> {
        match &mut self.old {
            Some(old) => old.place(),
            None => self.new.take_away(),
        }
    }
}

/// Renames without delay in between: a process that reads a key and then its certificate hardly ever sees one without
/// the other.
fn replace(files: &[New<'_>]) -> Result<(), NotReplaced> {
    let failed = |path: &Path, source| FileError { verb: "write", path: path.to_path_buf(), source };
    let mut exchanges = Vec::new();
    for file in files {
        let prepare = || {
            let old = if files.len() > 1 { Prepared::copy_of(file.path)? } else { None };
            Ok(Exchange { path: file.path, new: Prepared::at(file.path, file.bytes, file.mode, file.owner)?, old })
        };
        exchanges.push(prepare().map_err(|error| failed(file.path, error))?);
    }
    for nth in 0..exchanges.len() {
        let Some(exchange) = exchanges.get_mut(nth) else { break };
        let Err(error) = exchange.new.place() else { continue };
        if let [file] = files
            && is_mount(&error)
            && file.content.is_public()
        {
            in_place::write(file.path, file.bytes, file.mode).map_err(|error| failed(file.path, error))?;
            return Ok(());
        }
        let cause = failed(exchange.path, error);
        let (done, _) = exchanges.split_at_mut(nth);
        return Err(NotReplaced { cause, stuck: undo(done) });
    }
    let unsafe_on_disk = exchanges.iter().find_map(|one| Some(failed(one.path, one.new.sync().err()?)));
    match unsafe_on_disk {
        None => Ok(()),
        Some(cause) if files.len() == 1 => Err(cause.into()),
        Some(cause) => Err(NotReplaced { cause, stuck: undo(&mut exchanges) }),
    }
}

/// Restores the replaced files in reverse order; returns those that could not be.
fn undo(done: &mut [Exchange<'_>]) -> Vec<PathBuf> {
    let mut stuck = Vec::new();
    for exchange in done.iter_mut().rev() {
        if exchange.undo().is_err() {
            stuck.push(exchange.path.to_path_buf());
        }
    }
    for exchange in done {
        // If this fails too, nothing more can be done; the original error is reported.
        let _ = exchange.new.sync();
    }
    stuck
}

/// A file that is a mount point cannot be replaced.
fn is_mount(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::BUSY.raw_os_error())
}

#[cfg(test)]
mod tests;
