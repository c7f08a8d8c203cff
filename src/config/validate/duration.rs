//! Durations in Go's format: `1h30m`, `90s`, `1.5h`, `250ms`, `0`.

use super::Validated;
use crate::base::go_duration;
use crate::config::problem::Complaint;
use std::time::Duration;

/// A duration that is not negative, and at most 292 years, the limit of Go.
pub fn parse(text: &str) -> Validated<Duration> {
    let nanos = go_duration::parse(text).ok_or_else(|| not_a_duration(text))?;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| Complaint::new(format!("{text} is negative")))
}

/// A duration longer than zero.
pub fn parse_positive(text: &str) -> Validated<Duration> {
    match parse(text)? {
        Duration::ZERO => Err(Complaint::with_help("must be longer than zero", "leave it out for the default")),
        duration => Ok(duration),
    }
}

fn not_a_duration(text: &str) -> Complaint {
    let days = text.strip_suffix('d').and_then(|n| n.parse::<u32>().ok());
    let help = match days {
        Some(days) => format!("write hours: \"{}h\"", u64::from(days) * 24),
        None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            format!("add a unit: \"{text}s\" for seconds")
        }
        None => "write hours, minutes and seconds, such as \"24h0m0s\"".to_owned(),
    };
    Complaint::with_help(format!("{text:?} is not a duration"), help)
}

/// A duration in Go's format: `24h0m0s`, `1m30s`, `250ms`, `0s`.
pub fn format(duration: Duration) -> String {
    go_duration::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_parsed_like_in_go() {
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
        for text in ["", "5", "s", ".s", "1d", "5 s", "1h-5m", "--5s", "-", "+", "1.2.3s", "5S", "1e3s", "s5"] {
            assert!(parse(text).unwrap_err().what.contains("is not a duration"), "{text}");
        }
        assert_eq!(parse("-5s").unwrap_err().what, "-5s is negative");
        assert!(parse("9223372036854775808ns").is_err());
        assert!(parse("99999999999999999999999999999999999999999999h").is_err());
        assert_eq!(parse("365d").unwrap_err().help.unwrap(), "write hours: \"8760h\"");
    }

    #[test]
    fn durations_are_written_like_in_go() {
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
