//! How near the end of a certificate is, as monitoring systems count it.

use serde::Serialize;
use std::time::Duration;

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// In order.
    Ok,
    /// Soon.
    Warning,
    /// Now.
    Critical,
    /// Nothing is known.
    Unknown,
}

impl Level {
    /// The exit code that Nagios, Icinga, Sensu and their kin take.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }

    /// The worse of two: what is certainly bad comes before what is not known.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |level| match level {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Unknown => 2,
            Self::Critical => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// From when on the end of a certificate is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Less left than this is a warning.
    pub warn: Duration,
    /// Less left than this is critical.
    pub critical: Duration,
}

impl Thresholds {
    /// The level for the seconds that are left; negative ones are over.
    #[must_use]
    pub fn level(&self, left: i64) -> Level {
        let Ok(left) = u64::try_from(left) else { return Level::Critical };
        let left = Duration::from_secs(left);
        if left < self.critical {
            Level::Critical
        } else if left < self.warn {
            Level::Warning
        } else {
            Level::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_begin_where_they_are_said_to() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let thresholds = Thresholds { warn: hours(48), critical: hours(24) };
        for (left, level) in [
            (i64::MAX, Level::Ok),
            (48 * 3600, Level::Ok),
            (48 * 3600 - 1, Level::Warning),
            (24 * 3600, Level::Warning),
            (24 * 3600 - 1, Level::Critical),
            (0, Level::Critical),
            (-1, Level::Critical),
            (i64::MIN, Level::Critical),
        ] {
            assert_eq!(thresholds.level(left), level, "{left}");
        }
        assert_eq!(Level::Unknown.worse(Level::Critical), Level::Critical);
        assert_eq!(Level::Unknown.worse(Level::Warning), Level::Unknown);
    }
}
