//! One run at a time changes a host.
//!
//! The kernel takes the lock back however the process ends. Below a root directory it is the directory itself that is
//! locked, so that nothing is left in a tree that becomes an image.
//!
//! Reads: who holds the lock. Writes: on a running host `/run/kubewright.lock`, with the process and its command. That
//! is no change that a user asked for, so it stands in no plan.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::{FileError, HostFiles};
use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const PATH: &str = "/run/kubewright.lock";
const MODE: u32 = 0o644;

/// Why a host cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run of kubewright changes this host: {holder}")]
    Held {
        /// The process and its command, as far as they are known.
        holder: String,
    },
    /// The lock's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Fault for LockError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Held { .. } => ExitCode::Refused,
            Self::File(error) => error.exit_code(),
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Held { .. } => Some("wait until it has ended, then run the same command again".into()),
            Self::File(error) => error.hint(),
        }
    }
}

/// A host that nobody else changes as long as this lives.
#[derive(Debug)]
pub struct HostLock {
    /// Closing it gives the lock back.
    _file: File,
}

impl HostLock {
    /// Takes the lock for `command` of the user `uid`; others are shown its words: no secrets. None where an ordinary user
    /// may not write the lock's file, who may then not change the host either; what is tried will say so.
    pub fn take(files: &HostFiles, command: &str, uid: u32) -> Result<Option<Self>, LockError> {
        let path = if files.is_live() { Path::new(PATH) } else { files.root() };
        take(path, files.is_live(), command, uid)
    }
}

fn take(path: &Path, is_file: bool, command: &str, uid: u32) -> Result<Option<HostLock>, LockError> {
    let cannot = |source: io::Error| FileError { verb: "lock", path: path.to_path_buf(), source };
    let mut file = match if is_file { open(path) } else { open_folder(path) } {
        Ok(file) => file,
        // Root can change the host all the same, as where only /run is read-only, and must not do so unlocked.
        Err(error) if goes_on_without(&error, uid) => return Ok(None),
        Err(error) => return Err(cannot(error).into()),
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) if is_file => return Err(LockError::Held { holder: holder(&file) }),
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held { holder: path.display().to_string() }),
        Err(errno) => return Err(cannot(errno.into()).into()),
    }
    if is_file {
        file.set_len(0).map_err(cannot)?;
        file.write_all(format!("{} {command}\n", std::process::id()).as_bytes()).map_err(cannot)?;
    }
    Ok(Some(HostLock { _file: file }))
}

fn goes_on_without(error: &io::Error, uid: u32) -> bool {
    uid != 0 && matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}

fn open_folder(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(path)?;
    File::open(path)
}

/// `process 4711, 'kubewright certs renew'`.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    match text.trim().split_once(' ') {
        Some((pid, command)) if read.is_ok() => format!("process {pid}, 'kubewright {command}'"),
        // It has the lock, and has not written yet who it is.
        _ => "it has just begun".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn two_runs_do_not_change_a_host_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubewright.lock");
        // What a run that was killed has left holds nobody up.
        std::fs::write(&path, "1 init\nand much more than the next one writes\n").unwrap();
        let first = take(&path, true, "certs renew", 0).unwrap();
        assert!(first.is_some());
        let refused = take(&path, true, "init", 0).unwrap_err();
        assert_eq!(refused.exit_code(), ExitCode::Refused);
        let whose = format!("process {}, 'kubewright certs renew'", std::process::id());
        assert!(refused.to_string().ends_with(&whose), "{refused}");
        drop(first);
        assert!(take(&path, true, "init", 0).unwrap().is_some());
    }

    /// Root went on without a lock, and without a word.
    #[test]
    fn root_does_not_go_on_without_a_lock() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert_eq!([0, 1000].map(|uid| goes_on_without(&kind.into(), uid)), [false, true], "{kind}");
        }
        assert!(!goes_on_without(&io::ErrorKind::NotFound.into(), 1000));
    }

    #[test]
    fn a_folder_of_files_is_held_without_a_trace() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let first = HostLock::take(&files, "init", 0).unwrap();
        let refused = HostLock::take(&files, "reset", 0).unwrap_err();
        assert!(refused.to_string().ends_with(&root.path().display().to_string()), "{refused}");
        drop(first);
        assert!(HostLock::take(&files, "reset", 0).unwrap().is_some());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
