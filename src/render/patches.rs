//! User-provided patches from a directory for static Pods, the kubelet configuration and the CoreDNS Deployment.
//!
//! A file is named `TARGET[SUFFIX][+TYPE].EXTENSION`, for example `kube-apiserver0+merge.yaml`, and contains one or
//! more YAML or JSON documents. Files are applied in the order of their names. Reads: the directory. Writes: nothing.

use crate::base::Result;
use crate::base::files::HostFiles;
use crate::base::go_yaml;
use serde_json::Value;
use std::path::{Path, PathBuf};

mod error;
mod file_name;
mod json;
mod strategic;

pub use error::PatchError;
pub use file_name::{PatchType, Target};

/// The patches of a directory, in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub struct PatchSet {
    patches: Vec<Patch>,
}

/// A document of a patch file.
#[derive(Clone, Debug)]
struct Patch {
    file: PathBuf,
    /// Its position in the file, from 1; None if it is the only one.
    document: Option<usize>,
    target: Target,
    kind: PatchType,
    content: Value,
}

impl PatchSet {
    /// Reads every patch file of `directory`. Empty files, and files that are clearly not patches, are ignored.
    pub fn load(files: &HostFiles, directory: &Path) -> Result<Self> {
        if !files.exists(directory) {
            return Err(PatchError::NoDirectory { directory: directory.to_owned() }.into());
        }
        let mut patches = Vec::new();
        for name in files.list(directory)? {
            let file = directory.join(&name);
            if files.real(&file)?.is_dir() {
                continue;
            }
            if let Some((target, patch_type)) = file_name::parse(&file, &name)?
                && let Some(text) = files.read_text(&file)?
            {
                patches.extend(read(&file, target, patch_type, &text)?);
            }
        }
        Ok(Self { patches })
    }

    /// True if no patch applies to `target`.
    pub fn leaves_alone(&self, target: Target) -> bool {
        self.patches.iter().all(|patch| patch.target != target)
    }

    /// Applies every patch for `target` to `text`, a YAML document. Without any, the text is returned unchanged.
    pub fn apply(&self, target: Target, text: &str) -> Result<String, PatchError> {
        if self.leaves_alone(target) {
            return Ok(text.to_owned());
        }
        let mut object: Value =
            serde_saphyr::from_str(text).map_err(|e| PatchError::Unreadable { target, source: Box::new(e) })?;
        self.apply_to(target, &mut object)?;
        Ok(go_yaml::to_string(&object))
    }

    /// Applies every patch for `target` to an object.
    pub fn apply_to(&self, target: Target, object: &mut Value) -> Result<(), PatchError> {
        self.patches.iter().filter(|patch| patch.target == target).try_for_each(|patch| patch.apply(object))
    }
}

impl Patch {
    fn apply(&self, object: &mut Value) -> Result<(), PatchError> {
        let applied = match self.kind {
            PatchType::Json => json::patch(object, &self.content),
            PatchType::Merge => json::merge(object, &self.content),
            PatchType::Strategic => strategic::merge(object, &self.content),
        };
        applied.map_err(|reason| PatchError::NotApplied {
            file: self.file.clone(),
            document: self.document,
            patch_type: self.kind,
            target: self.target,
            reason,
        })
    }
}

fn read(file: &Path, target: Target, patch_type: PatchType, text: &str) -> Result<Vec<Patch>, PatchError> {
    let documents = parse_documents(text).map_err(|source| PatchError::NotYaml { file: file.to_owned(), source })?;
    let several = documents.len() > 1;
    let patches = documents.into_iter().enumerate().map(|(index, content)| Patch {
        file: file.to_owned(),
        document: several.then_some(index + 1),
        target,
        kind: patch_type,
        content,
    });
    Ok(patches.collect())
}

/// The non-empty documents of a YAML or JSON text. Scalars have the types of Go's parser (YAML 1.1): `yes` is true and
/// `0644` is octal.
pub(super) fn parse_documents(text: &str) -> Result<Vec<Value>, Box<dyn std::error::Error + Send + Sync>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    Ok(serde_saphyr::from_multiple_with_options(text, options)?)
}

#[cfg(test)]
mod tests;
