//! Checks a file before it is parsed as YAML: size, encoding, control characters.

use super::load::MAX_BYTES;
use super::node::Mark;
use crate::config::problem::Complaint;

/// The text of `bytes`, or why it is not text.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, (Mark, Complaint)> {
    if bytes.len() > MAX_BYTES {
        let what = format!("the file has {} bytes; the limit is {MAX_BYTES}", bytes.len());
        return Err((
            Mark::START,
            Complaint::with_help(what, "a configuration file has a few kilobytes; check the path"),
        ));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let complaint = Complaint::with_help("the file is UTF-16", "save it as UTF-8");
        return Err((Mark::START, complaint));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        (
            mark_after(valid),
            Complaint::with_help(format!("the byte 0x{byte:02x} is not UTF-8"), "save the file as UTF-8"),
        )
    })?;
    match text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        None => Ok(text),
        Some((at, c)) => {
            let what = format!("the control character U+{:04X} is not allowed in YAML", u32::from(c));
            let before = text.as_bytes().get(..at).unwrap_or_default();
            Err((mark_after(before), Complaint::with_help(what, "check that it is a text file")))
        }
    }
}

/// YAML's printable characters exclude C0 and C1 controls except tab, line feed, carriage return and next line.
fn is_forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
}

/// The position after valid UTF-8.
fn mark_after(valid: &[u8]) -> Mark {
    let text = String::from_utf8_lossy(valid);
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Mark { line, column }
}
