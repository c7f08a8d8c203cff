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
    // People take certificates out of kubeconfigs with grep and awk, which see one line.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    serde_saphyr::to_fmt_writer_with_options(&mut text, value, options).map_err(|e| YamlError(Box::new(e)))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_stays_on_one_line() {
        let long = "word ".repeat(100);
        let text =
            to_string(&serde_json::json!({ "a": "x".repeat(1000), "b": long.trim(), "c": "two\nlines\n" })).unwrap();
        assert!(text.lines().any(|line| line == format!("a: {}", "x".repeat(1000))), "{text}");
        assert!(text.lines().any(|line| line == format!("b: {}", long.trim())), "{text}");
    }

    #[test]
    fn strings_that_yaml_1_1_would_retype_are_quoted() {
        for word in ["yes", "no", "on", "off", "y", "N", "1_000", "0644", "null", "~", "1.20", "1e3", "", "true"] {
            let text = to_string(&serde_json::json!({ "key": word })).unwrap();
            assert!(text.contains('"') || text.contains('\''), "{word} is written bare: {text}");
        }
    }
}
