//! Gives a directory another name on the same file system: the whole directory has either name at any moment.
//!
//! Writes: the directory that has the name, and the one that gets it, through the gate.

use super::command::Host;
use super::error::HostError;
use crate::base::files::FileError;
use crate::base::gate::Change;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Renames `from` to `to`, which does not exist; the directory that it is in may not exist either.
pub fn rename(host: &Host, from: &Path, to: &Path) -> Result<(), HostError> {
    let (source, target) = (host.files.real(from)?, host.files.real(to)?);
    let command = ["mv", "-T", &from.display().to_string(), &to.display().to_string()].map(str::to_owned).to_vec();
    let change = Change::Run { what: format!("move {} to {}", from.display(), to.display()), command };
    let failed = |error| FileError { verb: "rename", path: source.clone(), source: error };
    host.gate.pass(change, || renamed(&source, &target).map_err(failed))?;
    Ok(())
}

fn renamed(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent().filter(|parent| !parent.exists()) {
        std::fs::DirBuilder::new().mode(0o700).create(parent)?;
    }
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know the flag; a directory replaces only an empty one.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => std::fs::rename(from, to)?,
        outcome => outcome?,
    }
    for path in [from, to] {
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn a_directory_is_renamed_and_replaces_nothing() {
        let fake = FakeHost::new().file("/a/member/db", "a").file("/b/member/db", "b");
        let host = fake.live();
        let path = |text: &str| Path::new(text).to_path_buf();
        assert!(rename(&host, &path("/a/member"), &path("/b/member")).is_err());
        rename(&host, &path("/a/member"), &path("/c/kept")).unwrap();
        assert!(!fake.root().join("a/member").exists());
        assert_eq!(std::fs::read(fake.root().join("c/kept/db")).unwrap(), b"a");
        assert_eq!(std::fs::read(fake.root().join("b/member/db")).unwrap(), b"b");
    }
}
