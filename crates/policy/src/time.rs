//! Moments as they are written: UTC, RFC 3339, by the Gregorian calendar of all time.
//!
//! Only arithmetic on seconds since 1970: nothing here asks a clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Year, month and day of a count of days since 1970, counted in eras of 400 years that begin in
/// March, so that the leap day is the last (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
#[must_use]
pub const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let leap = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let (month, next) =
        if shifted_month < 10 { (shifted_month + 3, 0) } else { (shifted_month - 9, 1) };
    (era * 400 + year_of_era + next, month, day)
}

/// A moment as `2026-11-23T01:40:00Z`.
#[must_use]
pub fn written(seconds: i64) -> String {
    format!("{}Z", to_the_second(seconds))
}

/// The seconds since 1970 of a moment; 0 for one before.
#[must_use]
pub fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A moment as `2026-11-23T01:40:00.250Z`.
#[must_use]
pub fn written_to_the_millisecond(at: SystemTime) -> String {
    let milliseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
    format!("{}.{milliseconds:03}Z", to_the_second(seconds(at)))
}

fn to_the_second(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The seconds since 1970 of a time of RFC 3339 in UTC (`Z`), from 1970 to 9999; fractions of a second
/// are dropped. `None` for other offsets, days that no month has, and what is no time at all.
#[must_use]
pub fn read(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let clock = rest.strip_suffix('Z')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fits = is_fraction && year >= 1970 && hour < 24 && minute < 60 && second <= 60;
    // Years that begin in March end with the leap day.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * shifted + shifted / 4 - shifted / 100
        + shifted / 400
        + (153 * from_march + 2) / 5
        + day
        - 719_469;
    // There and back again: what is no day comes out as another.
    let is_day = (1..=12).contains(&month) && civil(days) == (year, month, day);
    (fits && is_day).then_some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// Three numbers of these many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let fits = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if fits { part.parse().ok() } else { None }
    };
    let all = [number(digits[0])?, number(digits[1])?, number(digits[2])?];
    parts.next().is_none().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read_over_leap_years_and_centuries() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_398_000, "2026-11-23T01:40:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(written(seconds), text);
            assert_eq!(read(text), Some(seconds));
        }
        assert_eq!(written(-1), "1969-12-31T23:59:59Z");
        let late = UNIX_EPOCH + std::time::Duration::from_millis(1005);
        assert_eq!(written_to_the_millisecond(late), "1970-01-01T00:00:01.005Z");
        assert_eq!(read("1970-01-01T00:00:01.999Z"), Some(1));
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00+01:00",
            "2026-01-01T00:00:00.Z",
            "2026-1-1T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "2026-01-01 00:00:00Z",
            "1969-12-31T23:59:59Z",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
