//! Removes what interrupted runs left under hidden names.
//!
//! A run that is killed between naming a new file and moving it to its place leaves `.NAME.kubewright`, which may hold a
//! key. The next run that writes NAME replaces it; this is for the others.

use super::{FileError, HostFiles, atomic};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was found of interrupted runs.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// What was removed.
    pub removed: Vec<PathBuf>,
    /// What could not be removed.
    pub failed: Vec<FileError>,
}

impl HostFiles {
    /// Removes unfinished files in `directory` and `depth` levels below it. Links are not followed, and other file
    /// systems are not entered. Only for a run that holds the host: the files of a run at work are not leftovers.
    pub fn remove_unfinished(&self, directory: &Path, depth: usize, found: &mut Leftovers) {
        let Ok(real) = self.real(directory) else { return };
        if let Ok(metadata) = std::fs::metadata(&real) {
            clean(&real, directory, depth, metadata.dev(), found);
        }
    }
}

/// A directory that cannot be listed was not written to by a run of this user.
fn clean(real: &Path, shown: &Path, depth: usize, device: u64, found: &mut Leftovers) {
    for entry in std::fs::read_dir(real).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let (path, shown) = (entry.path(), shown.join(&name));
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() && depth > 0 && metadata.dev() == device {
            clean(&path, &shown, depth - 1, device, found);
        } else if !metadata.is_dir() && atomic::is_unfinished(&name) {
            match atomic::remove(&path) {
                Ok(()) => found.removed.push(shown),
                Err(source) => found.failed.push(FileError { verb: "remove", path, source }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn only_our_unfinished_files_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc");
        std::fs::create_dir_all(etc.join("a/b/.d.kubewright")).unwrap();
        for name in
            [".fstab.kubewright", ".x.kubewright-old", "fstab", "x.kubewright", ".kubewright", ".kubewright-old"]
        {
            std::fs::write(etc.join(name), "x").unwrap();
            std::fs::write(etc.join("a").join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/nowhere", etc.join(".current.pem.kubewright")).unwrap();
        std::fs::write(etc.join("a/b/.deep.kubewright"), "x").unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join(".mine.kubewright"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), etc.join("link")).unwrap();

        let mut found = Leftovers::default();
        HostFiles::new(root.path(), Gate::open()).remove_unfinished(Path::new("/etc"), 1, &mut found);
        found.removed.sort();
        let names = [
            "/etc/.current.pem.kubewright",
            "/etc/.fstab.kubewright",
            "/etc/.x.kubewright-old",
            "/etc/a/.fstab.kubewright",
            "/etc/a/.x.kubewright-old",
        ];
        assert_eq!(found.removed, names.map(PathBuf::from));
        assert!(found.failed.is_empty());
        assert!(etc.join("a/b/.deep.kubewright").exists() && etc.join("a/b/.d.kubewright").exists());
        assert!(outside.path().join(".mine.kubewright").exists());
        for name in ["fstab", "x.kubewright", ".kubewright", ".kubewright-old"] {
            assert!(etc.join(name).exists(), "{name}");
        }
    }
}
