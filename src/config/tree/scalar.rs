//! The types of plain scalars, as in Go's YAML 1.1 parser (sigs.k8s.io/yaml).

use super::node::Value;

const TRUE: [&str; 11] = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: [&str; 11] = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];
const NULL: [&str; 5] = ["", "~", "null", "Null", "NULL"];
const INFINITE: [&str; 9] = [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"];
const NOT_A_NUMBER: [&str; 3] = [".nan", ".NaN", ".NAN"];

/// The value of an unquoted scalar. Timestamps stay text, as in Go's parser. None for infinities and NaN, which JSON
/// cannot represent.
pub(super) fn typed(text: &str) -> Option<Value> {
    if TRUE.contains(&text) {
        return Some(Value::Bool(true));
    }
    if FALSE.contains(&text) {
        return Some(Value::Bool(false));
    }
    if NULL.contains(&text) {
        return Some(Value::Null);
    }
    if INFINITE.contains(&text) || NOT_A_NUMBER.contains(&text) {
        return None;
    }
    let number = match text.bytes().next() {
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let plain = text.replace('_', "");
            whole(&plain).or_else(|| decimal(&plain))
        }
        Some(b'.') => decimal(text),
        _ => None,
    };
    match number {
        Some(Value::Float(f)) if !f.is_finite() => None,
        Some(value) => Some(value),
        None => Some(Value::Text(text.to_owned())),
    }
}

/// True if `text` is text without quotes.
pub fn is_text(text: &str) -> bool {
    matches!(typed(text), Some(Value::Text(_)))
}

/// Decimal, `0x…`, `0b…`, `0o…`, and octal with a leading zero, within 64 bits.
fn whole(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    // from_str_radix would accept a second sign.
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -magnitude } else { magnitude };
    (number >= i128::from(i64::MIN) && number <= i128::from(u64::MAX)).then_some(Value::Int(number))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, as in Go's parser.
fn decimal(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", after)) => !after.is_empty() && digits(after),
        Some((before, after)) => digits(before) && digits(after),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if mantissa_ok && exponent_ok { text.parse().ok().map(Value::Float) } else { None }
}
