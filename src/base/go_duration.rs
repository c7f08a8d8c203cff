//! Durations in Go's format: `1h30m`, `4m0s`, `1.5s`.

/// Nanoseconds per unit, longer names first if one is a suffix of another.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];
const SECOND: i128 = 1_000_000_000;

/// The nanoseconds in `text`; None if it is not a duration or longer than 292 years.
pub fn parse(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let mut rest = unsigned;
    let mut total: i128 = 0;
    while !rest.is_empty() || rest.len() == unsigned.len() {
        let (number, tail) = split_where(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, tail) = split_where(tail, |c| c.is_ascii_digit() || c == '.');
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += nanoseconds(number, *scale)?;
        rest = tail;
    }
    i64::try_from(if text.starts_with('-') { -total } else { total }).ok()
}

/// The seconds in a duration, or in a number of days such as `30d`; None if it is neither, or negative.
pub fn seconds_or_days(text: &str) -> Option<i64> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let seconds = match days {
        Some(days) => Some(i64::from(days) * 86_400),
        None => parse(text).map(|nanoseconds| nanoseconds / 1_000_000_000),
    };
    seconds.filter(|seconds| *seconds >= 0)
}

fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

/// `number`, with an optional fraction, times `scale`; fractions of a nanosecond are dropped.
fn nanoseconds(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
    // Further digits are below a nanosecond even for an hour.
    let fraction = fraction.get(..fraction.len().min(18))?;
    let part = if fraction.is_empty() { 0 } else { i128::from(fraction.parse::<u64>().ok()?) };
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(whole * scale + part * scale / divisor)
}

/// `nanoseconds` in Go's format.
pub fn format(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let total = i128::from(nanoseconds).abs();
    if total == 0 {
        return "0s".into();
    }
    if total < SECOND {
        let (unit, scale) = match total {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", decimal(total, scale));
    }
    let (hours, minutes) = (total / (3600 * SECOND), total / (60 * SECOND) % 60);
    let seconds = decimal(total % (60 * SECOND), SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / scale` without trailing zeros.
fn decimal(value: i128, scale: i128) -> String {
    let digits = scale.ilog10() as usize;
    let text = format!("{}.{:0digits$}", value / scale, value % scale);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, seconds) in
            [("0", 0), ("0s", 0), ("1h30m", 5400), ("4m0s", 240), ("+90s", 90), ("-1m", -60), ("1.5h", 5400)]
        {
            assert_eq!(parse(text), Some(seconds * 1_000_000_000), "{text}");
        }
        assert_eq!(parse("1.5ms"), Some(1_500_000));
        for bad in ["", "-", "1", "1d", "s", ".s", "1h 2m", "1h-2m", "one", "1.2.3s", "9999999h"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn days_are_a_unit_where_they_are_expected() {
        for (text, seconds) in [("30d", 2_592_000), ("1h30m", 5400), ("0", 0), ("0d", 0)] {
            assert_eq!(seconds_or_days(text), Some(seconds), "{text}");
        }
        for bad in ["", "d", "-1d", "-1h", "soon", "1.5d", "1d12h"] {
            assert_eq!(seconds_or_days(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (text, nanoseconds) in [
            ("0s", 0),
            ("1ns", 1),
            ("1.5µs", 1_500),
            ("100ms", 100_000_000),
            ("1.5s", 1_500_000_000),
            ("4m0s", 240_000_000_000),
            ("8760h0m0s", 31_536_000_000_000_000),
            ("-1m0.001s", -60_001_000_000),
        ] {
            assert_eq!(format(nanoseconds), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanoseconds in any::<i64>()) {
            prop_assert_eq!(parse(&format(nanoseconds)), Some(nanoseconds));
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "[-+0-9.hmsnu]{0,40}") {
            let _ = parse(&text);
        }
    }
}
