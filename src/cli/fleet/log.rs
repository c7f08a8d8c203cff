//! The events of each host in a file of this machine, if the user wants them.

use crate::base::fault::Result;
use crate::base::files::FileError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The most that one host may write.
const BUDGET: usize = 64 << 20;

/// Files by host, with the bytes written.
pub(super) struct Log {
    directory: PathBuf,
    files: Mutex<BTreeMap<String, (Option<File>, usize)>>,
}

impl Log {
    /// Creates the directory.
    pub fn new(directory: &Path) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|source| FileError { verb: "create", path: directory.into(), source })?;
        Ok(Self { directory: directory.into(), files: Mutex::default() })
    }

    /// Adds an event. A full disk ends the log, not the work.
    pub fn event(&self, host: &str, event: &Value) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, written) = files.entry(host.to_owned()).or_insert_with(|| (self.open(host), 0));
        let line = format!("{event}\n");
        *written += line.len();
        if let Some(file) = file.as_mut().filter(|_| *written <= BUDGET) {
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn open(&self, host: &str) -> Option<File> {
        let name: String =
            host.chars().map(|c| if c.is_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
        let path = self.directory.join(format!("{}.ndjson", name.trim_start_matches('.')));
        OpenOptions::new().append(true).create(true).mode(0o600).open(path).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_has_a_file_of_its_own_whatever_it_is_called() {
        let root = tempfile::tempdir().unwrap();
        let log = Log::new(&root.path().join("logs")).unwrap();
        log.event("../x", &json!({ "a": 1 }));
        log.event("../x", &json!({ "a": 2 }));
        log.event("fd00::1", &json!({ "a": 3 }));
        let text = |name: &str| std::fs::read_to_string(root.path().join("logs").join(name)).unwrap();
        assert_eq!(text("_x.ndjson"), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(text("fd00__1.ndjson"), "{\"a\":3}\n");
    }
}
