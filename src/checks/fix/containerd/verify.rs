//! Asks containerd itself what it would make of changed files, before they replace the ones it runs with.
//!
//! Writes: the new texts beside the files, so that relative imports are found, and removes them again.

use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::checks::containerd::{ConfigFile, Document, Installation, not_editable};
use crate::host::Host;
use std::path::{Path, PathBuf};
use toml_edit::{Array, Value};

/// The configuration that would be in force if `changed` took the places of the files of the same paths among `all`.
/// None in a dry run, which may not write the texts for containerd to read.
pub(super) fn in_force(
    host: &Host,
    installation: &Installation,
    all: &[ConfigFile],
    changed: &[ConfigFile],
) -> Result<Option<Document>> {
    host.gate().effect(|| {
        // Not a change of this host: these files are gone before anything else happens.
        let files = HostFiles::new(host.files().root(), Gate::open());
        let texts = texts(installation, all, changed)?;
        let write = |(path, text): &(PathBuf, String)| files.write(path, &Content::secret(text.as_str(), ""), 0o600);
        let read = match texts.iter().try_for_each(|text| write(text).map(|_| ())) {
            Ok(()) => installation.dump(host, &beside(&installation.config)),
            Err(error) => Err(error.into()),
        };
        texts.iter().try_for_each(|(path, _)| files.remove(path).map(|_| ()))?;
        read
    })
}

/// What is written where. The main file names every import, so that none brings an old file in.
fn texts(installation: &Installation, all: &[ConfigFile], changed: &[ConfigFile]) -> Result<Vec<(PathBuf, String)>> {
    let main = &installation.config;
    let is_changed = |path: &Path| changed.iter().any(|file| file.path == path);
    let mut texts: Vec<(PathBuf, String)> = changed
        .iter()
        .filter(|file| file.path != *main)
        .map(|file| (beside(&file.path), file.document.to_string()))
        .collect();
    let file = changed.iter().chain(all).find(|file| file.path == *main);
    let mut document = file.map_or_else(|| Document::parse(""), |file| Ok(file.document.clone()));
    let imports: Array = all
        .iter()
        .filter(|file| file.path != *main)
        .map(|file| if is_changed(&file.path) { beside(&file.path) } else { file.path.clone() })
        .map(|path| Value::from(path.display().to_string()))
        .collect();
    if let (Ok(document), false) = (&mut document, imports.is_empty()) {
        document.set(&["imports"], imports).map_err(|error| not_editable(main, &error))?;
    }
    let document = document.map_err(|error| not_editable(main, &error))?;
    texts.push((beside(main), document.to_string()));
    Ok(texts)
}

/// The hidden name that every unfinished file has, so that one of a killed run is replaced by the next. It does not end
/// in `.toml`: an `imports` pattern must not match it.
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.kubewright"))
}
