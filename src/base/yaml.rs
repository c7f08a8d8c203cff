//! Writes YAML that every reader of the field understands alike.
//!
//! Go's readers follow YAML 1.1, where a bare `yes`, `on` or `1_000` is not a string; the writer
//! quotes all of those.

use super::exit_code::ExitCode;
use super::fault::Fault;
use serde::Serialize;

/// A value that YAML cannot hold. Our own values always can be held, so this is our fault.
#[derive(Debug, thiserror::Error)]
#[error("cannot write this value as YAML")]
pub struct YamlError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Fault for YamlError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Internal
    }
}

/// `value` as one YAML document without `---`, ending in a newline. Keys keep their order.
///
/// # Errors
/// When the value has no YAML form, such as a map whose keys are maps.
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
