//! The files of containerd's configuration: that of the service, and its imports.
//!
//! Reads: these files.

use super::document::{Document, DocumentError};
use super::error::ContainerdError;
use crate::base::fault::Result;
use crate::base::files::HostFiles;
use glob::Pattern;
use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

/// One file of the configuration.
#[derive(Clone, Debug)]
pub(in crate::checks) struct ConfigFile {
    /// The path.
    pub path: PathBuf,
    /// The content.
    pub document: Document,
}

/// All files in the order in which containerd reads them: later ones have priority. Empty if there are none.
pub(in crate::checks) fn load(files: &HostFiles, main: &Path) -> Result<Vec<ConfigFile>> {
    let mut loaded: Vec<ConfigFile> = Vec::new();
    let mut waiting = VecDeque::from([main.to_path_buf()]);
    while let Some(path) = waiting.pop_front() {
        if loaded.iter().any(|file| file.path == path) {
            continue;
        }
        let Some(text) = files.read_text(&path)? else { continue };
        let document = Document::parse(&text).map_err(|error| not_editable(&path, &error))?;
        for pattern in document.strings(&["imports"]) {
            // A relative pattern starts at the directory of the file that contains it.
            waiting.extend(matches(files, &path.parent().unwrap_or(&path).join(pattern))?);
        }
        loaded.push(ConfigFile { path, document });
    }
    Ok(loaded)
}

/// The error for a file that cannot be edited.
pub(in crate::checks) fn not_editable(path: &Path, error: &DocumentError) -> ContainerdError {
    ContainerdError::NotEditable { file: path.display().to_string(), why: error.to_string() }
}

/// The files that match a pattern, sorted.
fn matches(files: &HostFiles, pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.components() {
        let Component::Normal(part) = part else { continue };
        let part = part.to_string_lossy();
        if !part.contains(['*', '?', '[']) {
            found = found.into_iter().map(|directory| directory.join(part.as_ref())).collect();
            continue;
        }
        let Ok(pattern) = Pattern::new(&part) else { return Ok(Vec::new()) };
        let mut below = Vec::new();
        for directory in found {
            let names = files.list(&directory)?;
            below.extend(names.iter().filter(|name| pattern.matches(name)).map(|name| directory.join(name)));
        }
        found = below;
    }
    found.retain(|path| files.exists(path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::command::fake::FakeHost;

    #[test]
    fn imports_are_read_once_each_in_containerds_order() {
        let main = "imports = [\"conf.d/*.toml\", '/opt/x.toml', \"gone.toml\", \"/etc/containerd/config.toml\"]\n";
        let fake = FakeHost::new()
            .file("/etc/containerd/config.toml", main)
            .file("/etc/containerd/conf.d/b.toml", "")
            .file("/etc/containerd/conf.d/a.toml", "imports = [\"/opt/y.toml\"]\n")
            .file("/etc/containerd/conf.d/a.toml.bak", "broken")
            .file("/opt/x.toml", "")
            .file("/opt/y.toml", "");
        let loaded = load(&fake.live().files, Path::new("/etc/containerd/config.toml")).unwrap();
        let paths: Vec<_> = loaded.iter().map(|file| file.path.display().to_string()).collect();
        let expected = [
            "/etc/containerd/config.toml",
            "/etc/containerd/conf.d/a.toml",
            "/etc/containerd/conf.d/b.toml",
            "/opt/x.toml",
            "/opt/y.toml",
        ];
        assert_eq!(paths, expected);
        assert!(load(&fake.live().files, Path::new("/none")).unwrap().is_empty());
    }
}
