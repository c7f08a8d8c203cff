//! Writes YAML that all parsers read the same way.
//!
//! Go's parsers follow YAML 1.1, where a bare `yes`, `on` or `1_000` is not a string; all of those are quoted.

use super::exit_code::ExitCode;
use super::fault::Fault;
use serde::Serialize;

/// A value without a YAML form: a bug in this build.
#[derive(Debug, thiserror::Error)]
#[error("cannot write this value as YAML")]
pub struct YamlError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Fault for YamlError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// `value` as one YAML document without `---`, ending in a newline. Keys keep their order.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, YamlError> {
    let mut text = serde_saphyr::to_string(value).map_err(|e| YamlError(Box::new(e)))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_yaml_1_1_would_retype_are_quoted() {
        for word in ["yes", "no", "on", "off", "y", "N", "1_000", "0644", "null", "~", "1.20", "1e3", "", "true"] {
            let text = to_string(&serde_json::json!({ "key": word })).unwrap();
            assert!(text.contains('"') || text.contains('\''), "{word} is written bare: {text}");
        }
    }
}
