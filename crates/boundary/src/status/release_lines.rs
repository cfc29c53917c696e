//! Node's release lines and until when each is looked after.
//!
//! A dated table built in, because a start must not ask the network. It comes from
//! `schedule.json` of the Node.js Release Working Group; every answer says the date of the table,
//! and a line newer than the table is called unknown, never supported.

use ringfence_policy::time;
use serde::Serialize;
use std::fmt;

/// When the table was last held against its source.
pub const AS_OF: Date = Date { year: 2026, month: 9, day: 3 };

/// A day of the Gregorian calendar, UTC; written `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

/// What may be expected of a release line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Fixes and features, for the long term.
    ActiveLts,
    /// The newest line; not yet, or never, for the long term.
    Current,
    /// No fixes any more, not even for security.
    EndOfLife,
    /// Security and critical fixes only.
    Maintenance,
    /// Newer than the table.
    Unknown,
}

/// The support of one release line on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Support {
    /// Phase on the day asked about.
    pub phase: Phase,
    /// First day without any fixes, when the table knows it.
    pub end: Option<Date>,
    /// Day of the table.
    pub as_of: Date,
}

struct Line {
    major: u64,
    lts: Option<Date>,
    maintenance: Date,
    end: Date,
}

/// Ordered by major version. Even lines become LTS; odd lines end eight months after they begin.
const LINES: [Line; 7] = [
    Line {
        major: 20,
        lts: Some(date(2023, 10, 24)),
        maintenance: date(2024, 10, 22),
        end: date(2026, 4, 30),
    },
    Line { major: 21, lts: None, maintenance: date(2024, 4, 1), end: date(2024, 6, 1) },
    Line {
        major: 22,
        lts: Some(date(2024, 10, 29)),
        maintenance: date(2025, 10, 21),
        end: date(2027, 4, 30),
    },
    Line { major: 23, lts: None, maintenance: date(2025, 4, 1), end: date(2025, 6, 1) },
    Line {
        major: 24,
        lts: Some(date(2025, 10, 28)),
        maintenance: date(2026, 10, 20),
        end: date(2028, 4, 30),
    },
    Line { major: 25, lts: None, maintenance: date(2026, 4, 1), end: date(2026, 6, 1) },
    Line {
        major: 26,
        lts: Some(date(2026, 10, 28)),
        maintenance: date(2027, 10, 20),
        end: date(2029, 4, 30),
    },
];

/// The support of release line `major` on `today`.
#[must_use]
pub fn support(major: u64, today: Date) -> Support {
    let oldest = LINES.first().map_or(0, |line| line.major);
    let Some(line) = LINES.iter().find(|line| line.major == major) else {
        let phase = if major < oldest { Phase::EndOfLife } else { Phase::Unknown };
        return Support { phase, end: None, as_of: AS_OF };
    };
    let phase = if today >= line.end {
        Phase::EndOfLife
    } else if today >= line.maintenance {
        Phase::Maintenance
    } else if line.lts.is_some_and(|lts| today >= lts) {
        Phase::ActiveLts
    } else {
        Phase::Current
    };
    Support { phase, end: Some(line.end), as_of: AS_OF }
}

impl Support {
    /// The support as half a sentence, such as `end of life since 2026-04-30`.
    #[must_use]
    pub fn describe(&self) -> String {
        let end = self.end.map(|end| end.to_string());
        let state = match (self.phase, end) {
            (Phase::ActiveLts, Some(end)) => format!("long-term support until {end}"),
            (Phase::Current, Some(end)) => format!("current, supported until {end}"),
            (Phase::EndOfLife, Some(end)) => format!("end of life since {end}"),
            (Phase::Maintenance, Some(end)) => format!("maintenance until {end}"),
            (Phase::EndOfLife, None) => "end of life".to_owned(),
            _ => "not in the table".to_owned(),
        };
        format!("{state} (as of {})", self.as_of)
    }
}

impl Date {
    /// The day that lies `seconds` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        let days = i64::try_from(seconds).unwrap_or(i64::MAX).div_euclid(time::DAY);
        let (year, month, day) = time::civil(days);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(31),
        }
    }

    /// Today, UTC. A clock before 1970 counts as 1970.
    #[must_use]
    pub fn today() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self::from_unix(now.map_or(0, |since| since.as_secs()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const fn date(year: u16, month: u8, day: u8) -> Date {
    Date { year, month, day }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_judged_by_the_day_asked_about() {
        assert_eq!(support(20, date(2026, 4, 29)).phase, Phase::Maintenance);
        assert_eq!(support(20, date(2026, 4, 30)).phase, Phase::EndOfLife);
        assert_eq!(support(22, date(2026, 11, 22)).phase, Phase::Maintenance);
        assert_eq!(support(24, date(2026, 10, 19)).phase, Phase::ActiveLts);
        assert_eq!(support(25, date(2026, 6, 1)).phase, Phase::EndOfLife);
        assert_eq!(support(26, date(2026, 10, 27)).phase, Phase::Current);
        assert_eq!(support(26, date(2026, 10, 28)).phase, Phase::ActiveLts);
    }

    #[test]
    fn a_line_outside_the_table_is_never_called_supported() {
        assert_eq!(support(18, AS_OF).phase, Phase::EndOfLife);
        assert_eq!(support(27, AS_OF).phase, Phase::Unknown);
        assert_eq!(support(27, AS_OF).describe(), "not in the table (as of 2026-09-03)");
    }

    #[test]
    fn unix_time_becomes_the_right_day() {
        assert_eq!(Date::from_unix(0), date(1970, 1, 1));
        assert_eq!(Date::from_unix(951_782_399), date(2000, 2, 28));
        assert_eq!(Date::from_unix(951_782_400), date(2000, 2, 29));
        assert_eq!(Date::from_unix(1_795_305_600), date(2026, 11, 22));
    }
}
