//! Durations in Go's syntax: `1h30m`, `90s`, `1.5h`, `250ms`, `0`.

use super::Judged;
use crate::config::problem::Complaint;
use std::fmt::Write;
use std::time::Duration;

const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// The largest duration Go can hold: 2^63 - 1 nanoseconds, about 292 years.
const MAX_NANOS: u128 = (1 << 63) - 1;

/// Reads a duration that is not negative.
///
/// # Errors
/// When the text is no duration, is negative, or is longer than 292 years.
pub fn parse(text: &str) -> Judged<Duration> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Some(positive) = text.strip_prefix('-') {
        nanos(positive).ok_or_else(|| not_a_duration(text))?;
        return Err(Complaint::new(format!("{text} is negative")));
    }
    let nanos = nanos(unsigned).ok_or_else(|| not_a_duration(text))?;
    if nanos > MAX_NANOS {
        return Err(Complaint::new(format!("{text} is longer than 292 years")));
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
    Ok(Duration::new(seconds, rest))
}

/// Reads a duration longer than zero.
///
/// # Errors
/// As [`parse`], and when it is zero.
pub fn parse_positive(text: &str) -> Judged<Duration> {
    match parse(text)? {
        Duration::ZERO => Err(Complaint::with_help("must be longer than zero", "leave it out for the default")),
        duration => Ok(duration),
    }
}

fn not_a_duration(text: &str) -> Complaint {
    let days = text.strip_suffix('d').and_then(|n| n.parse::<u32>().ok());
    let help = match days {
        Some(days) => format!("hours are the largest unit: \"{}h\"", u64::from(days) * 24),
        None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            format!("give it a unit: \"{text}s\" for seconds")
        }
        None => "write hours, minutes and seconds, such as \"24h0m0s\"".to_owned(),
    };
    Complaint::with_help(format!("{text:?} is not a duration"), help)
}

/// The nanoseconds of an unsigned duration; anything beyond u64 seconds saturates.
fn nanos(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.saturating_add(scaled(number, scale)?);
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// `number` (digits with at most one point) times `scale`, rounded down.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole = whole.bytes().fold(0_u128, |sum, b| sum.saturating_mul(10).saturating_add(u128::from(b - b'0')));
    let mut total = whole.saturating_mul(scale);
    let mut unit = scale;
    for digit in fraction.bytes() {
        // Beyond nanoseconds nothing can change any more; a long fraction costs no more than this.
        unit /= 10;
        if unit == 0 {
            break;
        }
        total = total.saturating_add(u128::from(digit - b'0') * unit);
    }
    Some(total)
}

/// Writes a duration as Go does: `24h0m0s`, `1m30s`, `250ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.subsec_nanos();
    if duration.as_secs() == 0 {
        return match nanos {
            0 => "0s".into(),
            n if n < 1_000 => format!("{n}ns"),
            n if n < 1_000_000 => format!("{}µs", decimal(n / 1_000, n % 1_000, 3)),
            n => format!("{}ms", decimal(n / 1_000_000, n % 1_000_000, 6)),
        };
    }
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    // Writing to a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let seconds = u32::try_from(seconds).unwrap_or_default();
    let _ = write!(text, "{}s", decimal(seconds, nanos, 9));
    text
}

/// `whole.fraction` with `width` digits of fraction, trailing zeros left out.
fn decimal(whole: u32, fraction: u32, width: usize) -> String {
    let text = format!("{whole}.{fraction:0width$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_go_reads() {
        let cases = [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("24h0m0s", 86_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("250ms", 250_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("2m3.5s", 123_500_000_000),
            ("+5s", 5_000_000_000),
            ("9223372036854775807ns", 9_223_372_036_854_775_807),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text).unwrap().as_nanos(), nanos, "{text}");
        }
        for text in ["", "5", "s", ".s", "1d", "5 s", "1h-5m", "--5s", "-", "+", "1.2.3s", "5S", "1e3s"] {
            assert!(parse(text).unwrap_err().what.contains("is not a duration"), "{text}");
        }
        assert_eq!(parse("-5s").unwrap_err().what, "-5s is negative");
        assert!(parse("9223372036854775808ns").unwrap_err().what.contains("292 years"));
        assert!(parse("99999999999999999999999999999999999999999999h").is_err());
        assert_eq!(parse("365d").unwrap_err().help.unwrap(), "hours are the largest unit: \"8760h\"");
    }

    #[test]
    fn writes_what_go_writes() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_000_000_000, "1s"),
            (90_000_000_000, "1m30s"),
            (1_500_000_000, "1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (31_536_000_000_000_000, "8760h0m0s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in 0..(1_u64 << 63)) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)).unwrap(), duration);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.hmsunµd ]{0,40}") {
            let _ = parse(&text);
        }
    }
}
