//! Errors in patches.

use super::{PatchType, Target};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use std::path::PathBuf;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error in a patch, its file or the directory.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// The directory does not exist.
    #[error("the patches directory {} does not exist", directory.display())]
    NoDirectory { directory: PathBuf },
    /// The file name is not that of a patch.
    #[error("the name of the patch file {} has {problem}", file.display())]
    Name {
        file: PathBuf,
        problem: String,
        /// A valid name.
        suggestion: Option<String>,
    },
    /// The file is neither YAML nor JSON.
    #[error("the patch file {} is not YAML or JSON", file.display())]
    NotYaml {
        file: PathBuf,
        /// With line and column.
        #[source]
        source: Cause,
    },
    /// The patch cannot be applied.
    #[error("the {patch_type} patch in {}{} cannot be applied to {target}: {reason}", file.display(), which(*document))]
    NotApplied {
        file: PathBuf,
        /// The position in the file, from 1; None if there is only one.
        document: Option<usize>,
        patch_type: PatchType,
        target: Target,
        /// What is wrong, and where.
        reason: String,
    },
    /// The document to patch is not YAML.
    #[error("cannot read {target} as YAML to patch it")]
    Unreadable {
        target: Target,
        #[source]
        source: Cause,
    },
}

impl PatchError {
    /// The same error; the name of an existing file is not suggested, because `mv` would overwrite that file.
    #[must_use]
    pub(super) fn without_taken_name(mut self, files: &HostFiles) -> Self {
        if let Self::Name { file, suggestion, .. } = &mut self {
            suggestion.take_if(|name| files.exists(&file.with_file_name(name.as_str())));
        }
        self
    }
}

fn which(document: Option<usize>) -> String {
    document.map(|n| format!(" (document {n})")).unwrap_or_default()
}

impl Fault for PatchError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoDirectory { directory } => {
                format!("run 'ls -ld {}' and fix --patches or patches.directory", directory.display())
            }
            Self::Name { file, suggestion: Some(name), .. } => {
                let right = file.with_file_name(name);
                format!("run 'mv {} {}', or move the file out of the directory", file.display(), right.display())
            }
            Self::Name { .. } => {
                format!(
                    "name it TARGET[SUFFIX][+TYPE].yaml, where TARGET is one of {}, or move it out of the directory",
                    Target::names().join(", ")
                )
            }
            Self::NotYaml { file, .. } | Self::NotApplied { file, .. } => {
                format!("fix {}, or move it out of the directory", file.display())
            }
            Self::Unreadable { target, .. } => {
                format!("regenerate the file of {target} without patches to see what is wrong")
            }
        })
    }
}
