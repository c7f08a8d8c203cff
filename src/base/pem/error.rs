//! Why a text is not PEM. Only line numbers and labels from a fixed list: the text may be a private key.

use std::path::Path;

/// What is wrong. The line is that of the file, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// There is no BEGIN line.
    #[error("it has no '-----BEGIN …-----' line")]
    NoBlock,
    /// An editor put a mark before the first line.
    #[error("it begins with a byte order mark, and readers of PEM do not find the first block behind it")]
    ByteOrderMark,
    /// A BEGIN or END line does not begin in the first column.
    #[error("line {line} is indented: '-----BEGIN …-----' and '-----END …-----' must stand in the first column")]
    Indented {
        /// The line.
        line: usize,
    },
    /// There is more or less on a line than a BEGIN or END line has.
    #[error(
        "line {line} is not a whole '-----BEGIN …-----' or '-----END …-----' line; line breaks may be lost or replaced by blanks"
    )]
    BrokenLine {
        /// The line.
        line: usize,
    },
    /// There is a BEGIN line and no END line for it.
    #[error("it is cut off: the block '{label}' that begins in line {line} has no '-----END …-----' line")]
    Truncated {
        /// The words after BEGIN.
        label: &'static str,
        /// The line of BEGIN.
        line: usize,
    },
    /// What is between the lines is not base64.
    #[error("the block '{label}' that begins in line {line} is not base64")]
    NotBase64 {
        /// The words after BEGIN.
        label: &'static str,
        /// The line of BEGIN.
        line: usize,
    },
}

impl PemError {
    /// What repairs the file, where a command can.
    pub fn fix(&self, path: &Path) -> Option<String> {
        let path = path.display();
        match self {
            Self::Indented { .. } => Some(format!(
                "remove the blanks at the beginning of its lines: run \"sed -i 's/^[[:blank:]]*//' {path}\""
            )),
            Self::ByteOrderMark => Some(format!("save it as UTF-8 without a byte order mark, or copy {path} again")),
            Self::BrokenLine { .. } => Some(format!(
                "copy {path} again from where it came from, as a file and not through a variable or an editor"
            )),
            Self::NoBlock | Self::Truncated { .. } | Self::NotBase64 { .. } => None,
        }
    }
}
