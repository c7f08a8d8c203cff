//! Writes YAML byte for byte like Kubernetes' own programs (sigs.k8s.io/yaml), where a checksum or a text diff depends
//! on it: the component configurations that kubeadm marks with a hash.
//!
//! Everything else is written by [`super::yaml`], which quotes more. Not covered: very long strings with spaces, which
//! some releases of that library wrap, and numbers beyond an `f64`.

use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::fmt::Write;

/// `value` as one document with sorted keys, ending in a newline.
pub fn to_string(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_map(&mut text, map, 0),
        Value::Array(items) if !items.is_empty() => write_list(&mut text, items, 0),
        _ => {
            text.push_str(&scalar(value, 2));
            text.push('\n');
        }
    }
    text
}

fn write_map(text: &mut String, map: &Map<String, Value>, indent: usize) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| compare_keys(a, b));
    for (nth, (key, value)) in entries.into_iter().enumerate() {
        // The first key follows the "- " of a list item, or starts the text.
        if nth > 0 || text.is_empty() || text.ends_with('\n') {
            push_indent(text, indent);
        }
        text.push_str(&string(key, indent));
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                write_map(text, inner, indent + 2);
            }
            // Lists in maps are not indented.
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                write_list(text, items, indent);
            }
            _ => {
                text.push(' ');
                text.push_str(&scalar(value, indent + 2));
                text.push('\n');
            }
        }
    }
}

fn write_list(text: &mut String, items: &[Value], indent: usize) {
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 || text.is_empty() || text.ends_with('\n') {
            push_indent(text, indent);
        }
        text.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => write_map(text, inner, indent + 2),
            Value::Array(inner) if !inner.is_empty() => write_list(text, inner, indent + 2),
            _ => {
                text.push_str(&scalar(item, indent + 2));
                text.push('\n');
            }
        }
    }
}

fn push_indent(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// A scalar or an empty collection; the lines of a literal block get `indent`.
fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::String(text) => string(text, indent),
        Value::Array(_) => "[]".into(),
        Value::Object(_) => "{}".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn string(text: &str, indent: usize) -> String {
    if text.contains('\n') {
        return if may_be_literal(text) { literal(text, indent) } else { double_quoted(text) };
    }
    if is_retyped(text) || text.chars().any(|c| !is_printable(c)) {
        return double_quoted(text);
    }
    if may_be_plain(text) { text.into() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn may_be_literal(text: &str) -> bool {
    !text.contains(" \n") && !text.ends_with(' ') && text.chars().all(|c| c == '\n' || is_printable(c))
}

fn literal(text: &str, indent: usize) -> String {
    let mut block = String::from("|");
    if text.starts_with([' ', '\n']) {
        // Otherwise the indentation could not be distinguished from leading blanks of the first line.
        block.push('2');
    }
    if !text.ends_with('\n') {
        block.push('-');
    } else if text.ends_with("\n\n") || text == "\n" {
        block.push('+');
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        block.push('\n');
        if !line.is_empty() {
            push_indent(&mut block, indent);
            block.push_str(line);
        }
    }
    block
}

/// True if the text can stand without quotes.
fn may_be_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second_is_blank = text.chars().nth(1).is_none_or(|c| c == ' ');
    let bad_start = "#,[]{}&*!|>'\"%@`".contains(first)
        || ("?:-".contains(first) && second_is_blank)
        || text.starts_with("---")
        || text.starts_with("...");
    !bad_start && !text.starts_with(' ') && !text.ends_with([' ', ':']) && !text.contains(": ") && !text.contains(" #")
}

/// True if a YAML 1.1 parser would not read the plain text as a string.
fn is_retyped(text: &str) -> bool {
    const WORDS: [&str; 40] = [
        "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n",
        "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", ".nan", ".NaN", ".NAN", ".inf", ".Inf",
        ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", "<<",
    ];
    WORDS.contains(&text) || is_number(text) || is_base_60(text) || is_date(text)
}

fn is_number(text: &str) -> bool {
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let prefixed = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)];
    if prefixed.iter().any(|(prefix, base)| {
        unsigned.strip_prefix(prefix).is_some_and(|digits| u64::from_str_radix(digits, *base).is_ok())
    }) {
        return true;
    }
    is_decimal(unsigned)
}

/// `1`, `1.`, `.5`, `1.5e+3`.
fn is_decimal(text: &str) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(n, e)| (n, Some(e)));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_good = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    exponent_is_good && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// `1:30`, which YAML 1.1 parses as ninety.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (body, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = body.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && !rest.is_empty()
        && rest.iter().all(|part| {
            matches!(part.as_bytes(), [units] if units.is_ascii_digit())
                || matches!(part.as_bytes(), [b'0'..=b'5', units] if units.is_ascii_digit())
        })
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `2021-01-13`, optionally followed by a time.
fn is_date(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    let is_short = |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [year, month, day]
        if year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()) && is_short(month) && is_short(day))
        && (date.len() == text.len() || text.chars().nth(date.len() + 1).is_some_and(|c| c.is_ascii_digit()))
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = if code < 0x100 { write!(quoted, "\\x{code:02X}") } else { write!(quoted, "\\u{code:04X}") };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// The library's sort order: by code point, but letters after all other characters and runs of digits by value.
fn compare_keys(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    match (a.get(at), b.get(at)) {
        (Some(x), Some(y)) if !x.is_alphabetic() && !y.is_alphabetic() => {
            number_at(&a, at).cmp(&number_at(&b, at)).then(x.cmp(y))
        }
        (Some(x), Some(y)) => x.is_alphabetic().cmp(&y.is_alphabetic()).then(x.cmp(y)),
        _ => a.len().cmp(&b.len()),
    }
}

/// The value of the digits starting at `at`; 0 if there are none.
fn number_at(key: &[char], at: usize) -> u64 {
    key.iter().skip(at).map_while(|c| c.to_digit(10)).fold(0, |n, digit| n.saturating_mul(10) + u64::from(digit))
}

#[cfg(test)]
mod tests;
