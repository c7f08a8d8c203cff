//! Errors in PEM. They only contain line numbers and labels from a fixed list, since the text may be a private key.

use std::path::Path;

/// An error in PEM. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No BEGIN line.
    #[error("the file does not contain a '-----BEGIN …-----' line")]
    NoBlock,
    /// A byte order mark precedes the first line.
    #[error("the file starts with a byte order mark, which hides the first block from PEM parsers")]
    ByteOrderMark,
    /// A BEGIN or END line does not start in the first column.
    #[error("line {line} is indented: '-----BEGIN …-----' and '-----END …-----' must start in the first column")]
    Indented { line: usize },
    /// A BEGIN or END line is incomplete or has additional text.
    #[error(
        "line {line} is not a complete '-----BEGIN …-----' or '-----END …-----' line; line breaks may have been lost or replaced by spaces"
    )]
    BrokenLine { line: usize },
    /// The END line is missing.
    #[error(
        "the file is truncated: the block '{label}' that starts in line {line} does not have an '-----END …-----' line"
    )]
    Truncated { label: &'static str, line: usize },
    /// The content is not base64.
    #[error("the block '{label}' that starts in line {line} is not base64")]
    NotBase64 { label: &'static str, line: usize },
}

impl PemError {
    /// How to repair the file.
    pub fn fix(&self, path: &Path) -> Option<String> {
        let path = path.display();
        match self {
            Self::Indented { .. } => Some(format!("remove the indentation: run \"sed -i 's/^[[:blank:]]*//' {path}\"")),
            Self::ByteOrderMark => Some(format!("save it as UTF-8 without a byte order mark, or copy {path} again")),
            Self::BrokenLine { .. } => {
                Some(format!("copy {path} again from its source as a file, not through a variable or an editor"))
            }
            Self::NoBlock | Self::Truncated { .. } | Self::NotBase64 { .. } => None,
        }
    }
}
