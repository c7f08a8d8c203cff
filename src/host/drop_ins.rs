//! Directories of `*.conf` files that are read together: modules-load.d, sysctl.d.
//!
//! Reads: the names in the directories. Writes nothing.

use super::command::Host;
use super::error::HostError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The effective files, by name, which is the order in which they are read. Of files of one name in several directories,
/// the one in the last directory is effective.
pub fn files(host: &Host, directories: &[&str]) -> Result<BTreeMap<String, PathBuf>, HostError> {
    let mut files = BTreeMap::new();
    for directory in directories.iter().map(Path::new) {
        for name in host.files.list(directory)? {
            let path = directory.join(&name);
            if path.extension().is_some_and(|end| end == "conf") {
                files.insert(name, path);
            }
        }
    }
    Ok(files)
}
