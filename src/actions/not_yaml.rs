//! A file of this host that should be YAML and is not: then nothing of it is known, which is not the same as that it says
//! nothing.
//!
//! Reads: text that is handed in. Writes: nothing.

use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// See the module's text. What stands in the file is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("{}{place} is not valid YAML", path.display())]
pub struct NotYaml {
    path: PathBuf,
    /// `:LINE:COLUMN`, where that is known.
    place: String,
}

impl Fault for NotYaml {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Input
    }
    fn hint(&self) -> Option<String> {
        Some(format!(
            "correct it, or move it out of its directory if it is not needed: run 'mv {} /root/'",
            self.path.display()
        ))
    }
}

/// The first document of a file, which is what a kubelet takes; null where there is none.
pub fn first_document(path: &Path, text: &[u8]) -> Result<Value, NotYaml> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let Some(document) = serde_yaml::Deserializer::from_slice(text).next() else { return Ok(Value::Null) };
    Value::deserialize(document).map_err(|error| {
        let place = error.location().map(|place| format!(":{}:{}", place.line(), place.column()));
        NotYaml { path: path.to_path_buf(), place: place.unwrap_or_default() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_whatever_stands_around_it() {
        for text in ["a: 1\n", "---\na: 1\n---\n", "\u{feff}a: 1\n", "# x\n---\na: 1\n...\n"] {
            assert_eq!(first_document(Path::new("x"), text.as_bytes()).unwrap()["a"], 1, "{text:?}");
        }
        assert_eq!(first_document(Path::new("x"), b"").unwrap(), Value::Null);
    }

    #[test]
    fn what_is_no_yaml_is_an_error_with_its_place_and_without_its_text() {
        for text in ["a: [secret\n", "a: 1\n\tb: secret\n", "a: secret: b\n"] {
            let error = first_document(Path::new("/etc/x.yaml"), text.as_bytes()).unwrap_err();
            let shown = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(shown.contains("/etc/x.yaml:") && !shown.contains("secret"), "{shown}");
        }
    }
}
