//! Copies a directory of plain files, such as a database that does not change meanwhile. The copy is complete or absent.
//!
//! Reads: the directory. Writes: the copy, under a hidden name first, through the gate.

use super::command::Host;
use super::error::HostError;
use crate::base::files::{FileError, unfinished};
use crate::base::gate::Change;
use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Deeper than the data of any component.
const DEEPEST: usize = 8;

/// The bytes of all files in a directory.
pub fn size(host: &Host, directory: &Path) -> Result<u64, HostError> {
    let real = host.files.real(directory)?;
    size_of(&real, DEEPEST).map_err(|source| FileError { verb: "read", path: real.clone(), source }.into())
}

/// Copies `from` to `to`, which does not exist. Modes are kept.
pub fn copy(host: &Host, from: &Path, to: &Path) -> Result<(), HostError> {
    let (source, target) = (host.files.real(from)?, host.files.real(to)?);
    let command = ["cp", "-a", &from.display().to_string(), &to.display().to_string()].map(str::to_owned).to_vec();
    let change = Change::Run { what: format!("copy {} to {}", from.display(), to.display()), command };
    let failed = |error| FileError { verb: "write", path: target.clone(), source: error };
    host.gate.pass(change, || copy_whole(&source, &target).map_err(failed))?;
    Ok(())
}

fn size_of(directory: &Path, depth: usize) -> io::Result<u64> {
    let mut size = 0u64;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        size = size.saturating_add(match (kind.is_dir(), depth.checked_sub(1)) {
            (true, Some(depth)) => size_of(&entry.path(), depth)?,
            (true, None) => return Err(io::Error::other("its directories are nested too deeply")),
            (false, _) => entry.metadata()?.len(),
        });
    }
    Ok(size)
}

fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let [hidden, _] = unfinished(to);
    // What an interrupted run left.
    match std::fs::remove_dir_all(&hidden) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copied = copy_tree(from, &hidden, DEEPEST).and_then(|()| std::fs::rename(&hidden, to));
    if let Err(error) = copied {
        let _ = std::fs::remove_dir_all(&hidden);
        return Err(error);
    }
    to.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

fn copy_tree(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(io::Error::other("its directories are nested too deeply"));
    };
    std::fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &target, depth)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        } else {
            let what = format!("{} is neither a file nor a directory", entry.path().display());
            return Err(io::Error::other(what));
        }
    }
    let mode = std::fs::metadata(from)?.permissions().mode() & 0o7777;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode))?;
    File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn a_copy_is_complete_or_absent() {
        let fake = FakeHost::new().file("/data/member/snap/db", "abc").file("/data/member/wal/0.wal", "defg");
        let host = fake.live();
        let real = |path: &str| host.files.real(Path::new(path)).unwrap();
        assert_eq!(size(&host, Path::new("/data/member")).unwrap(), 7);
        // A run was killed while it copied.
        std::fs::create_dir_all(real("/.copy.kubewright").join("snap")).unwrap();
        copy(&host, Path::new("/data/member"), Path::new("/copy")).unwrap();
        assert_eq!(std::fs::read(real("/copy").join("wal/0.wal")).unwrap(), b"defg");
        assert!(!real("/.copy.kubewright").exists());
        assert!(copy(&host, Path::new("/data/member"), Path::new("/copy")).is_err(), "it exists");
        std::os::unix::fs::symlink("/etc", real("/data/member").join("link")).unwrap();
        assert!(copy(&host, Path::new("/data/member"), Path::new("/other")).is_err());
        assert!(!real("/other").exists() && !real("/.other.kubewright").exists());
    }
}
