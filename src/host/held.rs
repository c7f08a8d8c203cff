//! Whether a program has locked a file, as databases do.
//!
//! Reads: the file's lock. Writes: nothing.

use super::command::Host;
use super::error::HostError;
use crate::base::files::FileError;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;

/// True when a program on this machine, in a container or not, has locked the file (flock(2)).
pub fn is_held(host: &Host, path: &Path) -> Result<bool, HostError> {
    let wrap = |errno: Errno| FileError { verb: "open", path: path.to_path_buf(), source: errno.into() };
    let real = host.files.real(path)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = match rustix::fs::open(&real, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
        Err(errno) => return Err(wrap(errno).into()),
    };
    // Closing the file releases our lock. A signal may interrupt the call.
    let mut tried = Err(Errno::INTR);
    while tried == Err(Errno::INTR) {
        tried = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
    }
    // NFS requires write access for an exclusive lock, but not for a shared one.
    if tried == Err(Errno::BADF) {
        tried = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
    }
    Ok(is_locked(tried).map_err(|errno| FileError { verb: "lock", path: path.to_path_buf(), source: errno.into() })?)
}

/// A file system without locks has no holder; any other error means that the state is unknown.
fn is_locked(tried: Result<(), Errno>) -> Result<bool, Errno> {
    match tried {
        Ok(()) | Err(Errno::OPNOTSUPP) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::fake::FakeHost;
    use super::*;

    /// Almost every error was treated as an unlocked file, and the data of a running etcd were removed.
    #[test]
    fn a_failed_lock_attempt_is_not_an_unlocked_file() {
        assert_eq!([Ok(()), Err(Errno::OPNOTSUPP)].map(is_locked), [Ok(false), Ok(false)]);
        assert_eq!(is_locked(Err(Errno::WOULDBLOCK)), Ok(true));
        for errno in [Errno::BADF, Errno::NOLCK, Errno::INVAL, Errno::IO] {
            assert_eq!(is_locked(Err(errno)), Err(errno));
        }
    }

    #[test]
    fn a_database_is_held_as_long_as_its_program_has_it_open() {
        let fake = FakeHost::new().file("/var/lib/etcd/member/snap/db", "x");
        let host = fake.live();
        let path = Path::new("/var/lib/etcd/member/snap/db");
        assert!(!is_held(&host, path).unwrap());
        let file = std::fs::File::open(host.files.real(path).unwrap()).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(is_held(&host, path).unwrap());
        drop(file);
        assert!(!is_held(&host, path).unwrap());
        assert!(!is_held(&host, Path::new("/var/lib/etcd/none")).unwrap());
    }
}
