//! A file of this host that should be YAML but is not: then its content is unknown, which is not the same as empty.
//!
//! Reads: text from the caller. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::config::untrusted::{self, UntrustedError};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The content of the file is not repeated in the error.
#[derive(Debug, thiserror::Error)]
#[error("{} is not valid YAML: {source}", path.display())]
pub struct NotYaml {
    path: PathBuf,
    source: UntrustedError,
}

impl Fault for NotYaml {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        let shown = self.path.display();
        Some(format!(
            "correct it, or, if it is not needed, move it out of its directory: run 'mv --backup=numbered {shown} /root/'"
        ))
    }
}

/// The document in a file; null if it is empty.
pub fn parse(path: &Path, text: &[u8]) -> Result<Value, NotYaml> {
    if text.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    untrusted::value(text).map_err(|source| NotYaml { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_parsed_and_an_empty_file_has_none() {
        for text in ["a: 1\n", "---\na: 1\n", "\u{feff}a: 1\n", "# x\n---\na: 1\n"] {
            assert_eq!(parse(Path::new("x"), text.as_bytes()).unwrap()["a"], 1, "{text:?}");
        }
        assert_eq!(parse(Path::new("x"), b"\n").unwrap(), Value::Null);
    }

    #[test]
    fn invalid_yaml_is_an_error_with_its_path_and_without_its_content() {
        for text in ["a: [secret\n", "a: 1\n\tb: secret\n"] {
            let error = parse(Path::new("/etc/x.yaml"), text.as_bytes()).unwrap_err();
            let shown = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(shown.contains("/etc/x.yaml") && !shown.contains("secret"), "{shown}");
        }
    }
}
