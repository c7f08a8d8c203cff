//! Inspects a path without reading the whole file: its first bytes, and an unused name next to it.
//!
//! Reads: one file. Writes: nothing.

use super::{FileError, HostFiles};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

impl HostFiles {
    /// At most `most` bytes from the start of a file; None if it does not exist.
    pub fn head(&self, path: &Path, most: u64) -> Result<Option<Vec<u8>>, FileError> {
        let real = self.real(path)?;
        let fail = |source| FileError { verb: "read", path: real.clone(), source };
        let file = match File::open(&real) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(fail)?;
        Ok(Some(bytes))
    }

    /// An unused path to move the file to: with `ending`, and a number if that name is taken.
    pub fn free_name(&self, path: &Path, ending: &str) -> PathBuf {
        let name = |ending: &str| PathBuf::from(format!("{}.{ending}", path.display()));
        let numbered = (2..=u32::MAX).map(|number| name(&format!("{ending}-{number}")));
        let mut names = std::iter::once(name(ending)).chain(numbered);
        names.find(|name| !self.exists(name)).unwrap_or_else(|| name(ending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::gate::Gate;

    #[test]
    fn no_more_than_the_start_is_read() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a"), "abcdef").unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        assert_eq!(files.head(Path::new("/a"), 3).unwrap().unwrap(), b"abc");
        assert_eq!(files.head(Path::new("/a"), 30).unwrap().unwrap(), b"abcdef");
        assert_eq!(files.head(Path::new("/b"), 3).unwrap(), None);
    }

    #[test]
    fn nothing_is_moved_over_or_into_what_is_there() {
        let root = tempfile::tempdir().unwrap();
        let files = HostFiles::new(root.path(), Gate::open());
        let free = || files.free_name(Path::new("/pki"), "old").display().to_string();
        assert_eq!(free(), "/pki.old");
        std::fs::create_dir(root.path().join("pki.old")).unwrap();
        assert_eq!(free(), "/pki.old-2");
    }
}
