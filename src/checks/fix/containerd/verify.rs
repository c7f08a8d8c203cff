//! Asks containerd itself how it would read changed files, before they replace the ones it runs with.
//!
//! Writes: the new texts below /run, where a run that is killed leaves nothing for long, and removes them again.

use crate::base::fault::Result;
use crate::base::files::{Content, HostFiles};
use crate::base::gate::Gate;
use crate::checks::containerd::{ConfigFile, Document, Installation, not_editable};
use crate::host::Host;
use std::path::{Path, PathBuf};
use toml_edit::{Array, Value};

/// The configuration that would be in force if `changed` replaced the files of the same paths among `all`. None in a
/// dry run, which must not write the texts for containerd to read.
pub(super) fn in_force(
    host: &Host,
    installation: &Installation,
    all: &[ConfigFile],
    changed: &[ConfigFile],
) -> Result<Option<Document>> {
    host.gate.effect(|| {
        // Not a change of this host: these files are removed before anything else happens.
        let files = HostFiles::new(host.files.root(), Gate::open());
        let texts = texts(installation, all, changed)?;
        let write = |(path, text): &(PathBuf, String)| files.write(path, &Content::secret(text.as_str(), ""), 0o600);
        let read = match texts.iter().try_for_each(|text| write(text).map(|_| ())) {
            Ok(()) => installation.dump(host, &copy(0)),
            Err(error) => Err(error.into()),
        };
        texts.iter().try_for_each(|(path, _)| files.remove(path).map(|_| ()))?;
        read
    })
}

/// The path and text of each copy, the main file first. It names every import by its whole path: a relative path would
/// start at another directory, and a pattern would include an old file.
fn texts(installation: &Installation, all: &[ConfigFile], changed: &[ConfigFile]) -> Result<Vec<(PathBuf, String)>> {
    let main = &installation.config;
    let (mut texts, mut imports) = (Vec::new(), Array::new());
    for file in all.iter().filter(|file| file.path != *main) {
        let path = match changed.iter().find(|changed| changed.path == file.path) {
            None => file.path.clone(),
            Some(changed) => {
                let path = copy(texts.len() + 1);
                texts.push((path.clone(), with_absolute_imports(changed)?.to_string()));
                path
            }
        };
        imports.push(path.display().to_string());
    }
    let file = changed.iter().chain(all).find(|file| file.path == *main);
    let document = file.map_or_else(|| Document::parse(""), |file| Ok(file.document.clone()));
    let mut document = document.map_err(|error| not_editable(main, &error))?;
    if document.get(&["imports"]).is_some() {
        document.set(&["imports"], imports).map_err(|error| not_editable(main, &error))?;
    }
    texts.insert(0, (copy(0), document.to_string()));
    Ok(texts)
}

/// The document, with its imports as they are read from the file's own directory.
fn with_absolute_imports(file: &ConfigFile) -> Result<Document> {
    let mut document = file.document.clone();
    let directory = file.path.parent().unwrap_or(&file.path);
    let imports: Array = document
        .strings(&["imports"])
        .into_iter()
        .map(|pattern| Value::from(directory.join(pattern).display().to_string()))
        .collect();
    if !imports.is_empty() {
        document.set(&["imports"], imports).map_err(|error| not_editable(&file.path, &error))?;
    }
    Ok(document)
}

fn copy(number: usize) -> PathBuf {
    Path::new("/run").join(format!("kubewright-containerd-{number}.toml"))
}
