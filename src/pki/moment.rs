//! Dates and times for people.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since the epoch as `2027-11-21T05:21:00Z`.
pub fn text(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} seconds after 1970"))
}

/// Seconds since the epoch of a moment such as `2027-11-21T05:21:00Z`, also with parts of a second; None for another
/// text.
pub fn parse(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(super::text(1_795_238_460), "2026-11-21T05:21:00Z");
        assert_eq!(super::parse("2026-11-21T05:21:00Z"), Some(1_795_238_460));
        assert_eq!(super::parse("2026-11-21T05:21:00.123456Z"), Some(1_795_238_460));
        assert_eq!(super::parse("yesterday"), None);
        assert_eq!(super::text(i64::MAX), "9223372036854775807 seconds after 1970");
    }
}
