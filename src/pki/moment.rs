//! Moments as people read them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since the epoch as `2027-11-21T05:21:00Z`.
pub fn text(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} seconds after 1970"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(super::text(1_795_238_460), "2026-11-21T05:21:00Z");
        assert_eq!(super::text(i64::MAX), "9223372036854775807 seconds after 1970");
    }
}
