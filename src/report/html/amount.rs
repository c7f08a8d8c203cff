//! Times as short texts.

use std::time::Duration;

/// `0 s`, `40 ms`, `1.2 s`, `45 s`, `2 min 5 s`, `1 h 3 min`.
pub fn time(time: Duration) -> String {
    let (millis, seconds) = (time.as_millis(), time.as_secs());
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 if millis == 0 => "0 s".into(),
        0 if millis < 100 => format!("{millis} ms"),
        0..=9 if millis % 1000 < 100 => format!("{seconds} s"),
        0..=9 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

/// `in 3 hours`, `in 364 days`, `in 10 years`; `expired 2 days ago`.
pub fn until(seconds: i64) -> String {
    if seconds <= 0 { format!("expired {} ago", length(-seconds)) } else { format!("in {}", length(seconds)) }
}

/// `5 minutes`, `2 days`, `1 year`.
pub fn length(seconds: i64) -> String {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    const DAYS: i64 = 2 * DAY;
    const YEARS: i64 = 2 * YEAR;
    let number = |number: i64, noun: &str| crate::report::count(usize::try_from(number).unwrap_or_default(), noun);
    match seconds {
        ..HOUR => number(seconds / 60, "minute"),
        HOUR..DAYS => number(seconds / HOUR, "hour"),
        DAYS..YEARS => number(seconds / DAY, "day"),
        _ => number(seconds / YEAR, "year"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let texts =
            [0, 40, 5000, 1250, 45_300, 60_000, 125_000, 3_780_000].map(|millis| time(Duration::from_millis(millis)));
        assert_eq!(texts, ["0 s", "40 ms", "5 s", "1.2 s", "45 s", "1 min", "2 min 5 s", "1 h 3 min"]);
        assert_eq!(until(300), "in 5 minutes");
        assert_eq!(until(86_400 * 364), "in 364 days");
        assert_eq!(until(86_400 * 365 * 10), "in 10 years");
        assert_eq!(until(-86_400 * 3), "expired 3 days ago");
    }
}
