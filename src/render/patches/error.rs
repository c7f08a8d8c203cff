//! What can be wrong with a patch, its file and its folder.

use super::{PatchType, Target};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::files::HostFiles;
use std::path::PathBuf;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can be wrong with a patch.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// There is no such folder.
    #[error("there is no folder {} with patches", folder.display())]
    NoFolder {
        /// As given.
        folder: PathBuf,
    },
    /// The name of a patch file means nothing.
    #[error("the name of the patch file {} has {problem}", file.display())]
    Name {
        /// Which file.
        file: PathBuf,
        /// What is wrong with its name.
        problem: String,
        /// A name that would do.
        suggestion: Option<String>,
    },
    /// A patch file is neither YAML nor JSON.
    #[error("the patch file {} is not YAML or JSON", file.display())]
    NotYaml {
        /// Which file.
        file: PathBuf,
        /// Line, column and what the reader says.
        #[source]
        source: Cause,
    },
    /// A patch does not fit its target.
    #[error("the {patch_type} patch in {}{} does not apply to {target}: {reason}", file.display(), which(*document))]
    NotApplied {
        /// Which file.
        file: PathBuf,
        /// Which document of it, from 1; None when there is one.
        document: Option<usize>,
        /// How it was to be applied.
        patch_type: PatchType,
        /// To what.
        target: Target,
        /// What does not fit, and where.
        reason: String,
    },
    /// What is to be patched is no YAML document.
    #[error("cannot read {target} as YAML to patch it")]
    Unreadable {
        /// What was to be patched.
        target: Target,
        /// What the reader says.
        #[source]
        source: Cause,
    },
}

impl PatchError {
    /// The same error; a name that another file has already is no suggestion, because `mv` would overwrite that file.
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
            Self::NoFolder { folder } => {
                format!("run 'ls -ld {}' and correct --patches or patches.directory", folder.display())
            }
            Self::Name { file, suggestion: Some(name), .. } => {
                let right = file.with_file_name(name);
                format!("run 'mv {} {}', or move the file out of the folder", file.display(), right.display())
            }
            Self::Name { .. } => {
                format!(
                    "name it TARGET[SUFFIX][+TYPE].yaml, where TARGET is one of {}, or move it out of the directory",
                    Target::names().join(", ")
                )
            }
            Self::NotYaml { file, .. } | Self::NotApplied { file, .. } => {
                format!("correct {}, or move it out of the folder", file.display())
            }
            Self::Unreadable { target, .. } => {
                format!("write the file of {target} anew without patches to see what is wrong")
            }
        })
    }
}
