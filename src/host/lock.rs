//! One run at a time changes a host.
//!
//! The kernel releases the lock however the process exits. With a root directory, the directory itself is
//! locked, so that no file is left in a tree that becomes an image.
//!
//! Reads: who holds the lock. Writes: on a running host `/run/kubewright.lock`, with the process and its command. That
//! is internal bookkeeping, so the plan does not list it.

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

/// Why a host cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run of kubewright is changing this host: {holder}")]
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
            Self::Held { .. } => Some("wait until it has finished, then run the same command again".into()),
            Self::File(error) => error.hint(),
        }
    }
}

/// The lock of a host; held until it is dropped.
#[derive(Debug)]
pub struct HostLock {
    /// Closing it releases the lock.
    _file: File,
}

impl HostLock {
    /// Takes the lock for `command` of the user `uid`. Other runs show the command, so it must not contain secrets. None if
    /// an ordinary user may not write the lock file; then changes of the host fail with their own errors.
    pub fn take(files: &HostFiles, command: &str, uid: u32) -> Result<Option<Self>, LockError> {
        let path = if files.is_live() { Path::new(PATH) } else { files.root() };
        take(path, files.is_live(), command, uid)
    }
}

fn take(path: &Path, is_file: bool, command: &str, uid: u32) -> Result<Option<HostLock>, LockError> {
    let cannot = |source: io::Error| FileError { verb: "lock", path: path.to_path_buf(), source };
    let mut file = match if is_file { open(path) } else { open_directory(path) } {
        Ok(file) => file,
        // Root can still change the host, for example if only /run is read-only, and must not do so unlocked.
        Err(error) if may_continue_unlocked(&error, uid) => return Ok(None),
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

fn may_continue_unlocked(error: &io::Error, uid: u32) -> bool {
    uid != 0 && matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}

fn open_directory(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(path)?;
    File::open(path)
}

/// The command of a run that changes this host now; None if its process is gone.
pub fn command(files: &HostFiles) -> Option<String> {
    let text = files.read_text(Path::new(PATH)).ok().flatten()?;
    let (pid, command) = text.trim().split_once(' ')?;
    let pid: u32 = pid.parse().ok()?;
    files.exists(Path::new(&format!("/proc/{pid}"))).then(|| command.to_owned())
}

/// `process 4711, 'kubewright certs renew'`.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    match text.trim().split_once(' ') {
        Some((pid, command)) if read.is_ok() => format!("process {pid}, 'kubewright {command}'"),
        // It has the lock, but has not written its details yet.
        _ => "it has just started".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn two_runs_do_not_change_a_host_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kubewright.lock");
        // The lock file of a killed run does not block other runs.
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

    /// Root continued without a lock, and without a message.
    #[test]
    fn root_does_not_continue_without_a_lock() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert_eq!([0, 1000].map(|uid| may_continue_unlocked(&kind.into(), uid)), [false, true], "{kind}");
        }
        assert!(!may_continue_unlocked(&io::ErrorKind::NotFound.into(), 1000));
    }

    #[test]
    fn a_root_directory_is_locked_without_a_file() {
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
