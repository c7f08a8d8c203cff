//! Whether a program holds a file, as databases do with theirs.
//!
//! Reads: the file's lock. Writes: nothing.

use super::command::Host;
use super::error::HostError;
use crate::base::files::FileError;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::path::Path;

/// True when a program on this machine, in a container or not, has locked the file (flock(2)).
///
/// # Errors
/// When it is there and cannot be opened.
pub fn is_held(host: &Host, path: &Path) -> Result<bool, HostError> {
    let wrap = |errno: Errno| FileError { verb: "open", path: path.to_path_buf(), source: errno.into() };
    let real = host.files().real(path)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(&real, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
        Err(errno) => return Err(wrap(errno).into()),
    };
    // Where the file system knows no locks, nobody holds one. Closing the file gives ours back.
    Ok(rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK))
}

#[cfg(test)]
mod tests {
    use super::super::command::fake::FakeHost;
    use super::*;

    #[test]
    fn a_database_is_held_as_long_as_its_program_has_it_open() {
        let fake = FakeHost::new().file("/var/lib/etcd/member/snap/db", "x");
        let host = fake.live();
        let path = Path::new("/var/lib/etcd/member/snap/db");
        assert!(!is_held(&host, path).unwrap());
        let file = std::fs::File::open(host.files().real(path).unwrap()).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(is_held(&host, path).unwrap());
        drop(file);
        assert!(!is_held(&host, path).unwrap());
        assert!(!is_held(&host, Path::new("/var/lib/etcd/none")).unwrap());
    }
}
