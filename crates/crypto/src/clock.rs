//! Times as they are written: UTC, by the Gregorian calendar.

use std::time::{SystemTime, UNIX_EPOCH};

/// Date and time of day.
pub(crate) struct Moment {
    /// Year, month and day, from 1.
    pub(crate) date: (u64, u64, u64),
    /// Hour, minute and second.
    pub(crate) time: (u64, u64, u64),
    pub(crate) milliseconds: u32,
}

impl From<SystemTime> for Moment {
    fn from(at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs();
        Self {
            date: civil(seconds / 86_400),
            time: (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60),
            milliseconds: since.subsec_millis(),
        }
    }
}

/// RFC 3339 with milliseconds.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let Moment { date: (year, month, day), time: (hour, minute, second), milliseconds } = at.into();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// Year, month and day of a count of days since 1970, in eras of 400 years that begin in March.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_counted_over_leap_years_and_centuries() {
        let at = |milliseconds| rfc3339(UNIX_EPOCH + Duration::from_millis(milliseconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(at(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }
}
