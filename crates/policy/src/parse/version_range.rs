//! Ranges of Node versions, the part of npm's syntax that can be read in one way.

use crate::diagnostic::{Code, Problem};
use crate::model::{Comparison, VersionRange};
use std::fmt;

type Comparators = Vec<(Comparison, [u64; 3])>;

impl VersionRange {
    /// Whether a version lies in the range.
    #[must_use]
    pub fn matches(&self, version: [u64; 3]) -> bool {
        self.comparators.iter().all(|(comparison, bound)| match comparison {
            Comparison::Equal => version == *bound,
            Comparison::Greater => version > *bound,
            Comparison::GreaterOrEqual => version >= *bound,
            Comparison::Less => version < *bound,
            Comparison::LessOrEqual => version <= *bound,
        })
    }
}

/// Every comparator in full: `24` is shown as `>=24.0.0 <25.0.0`.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (comparison, [major, minor, patch])) in self.comparators.iter().enumerate() {
            let between = if index == 0 { "" } else { " " };
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
            };
            write!(f, "{between}{sign}{major}.{minor}.{patch}")?;
        }
        Ok(())
    }
}

/// `>=20`, `>=22.13 <27`, `24`, `^22.5.0`, `~24.1`, `22.x`.
pub(super) fn parse(text: &str) -> Result<VersionRange, Problem> {
    let problem = |what: &str| {
        Problem::with_value(Code::BadVersionRange, what, text)
            .hint("write a range such as \">=20\", \">=22.13 <27\" or \"24\"")
    };
    if text.contains("||") {
        return Err(problem("alternatives cannot be written")
            .hint("write the lowest and the highest version, such as \">=20 <27\""));
    }
    if text.len() > 100 {
        return Err(problem("not a range of versions"));
    }
    // npm allows a space between the sign and its version.
    let mut joined = text.to_owned();
    for sign in ["=", "<", ">", "~", "^"] {
        while joined.contains(&format!("{sign} ")) {
            joined = joined.replace(&format!("{sign} "), sign);
        }
    }
    let mut comparators = Vec::new();
    for part in joined.split_whitespace() {
        let some = comparator(part).ok_or_else(|| problem("not a range of versions"))?;
        comparators.extend(some);
    }
    if comparators.is_empty() {
        return Err(problem("not a range of versions"));
    }
    let range = VersionRange { comparators };
    let bounds = range.comparators.iter().map(|(_, bound)| *bound);
    let next = bounds.clone().map(|[major, minor, patch]| [major, minor, patch + 1]);
    if !bounds.chain(next).chain([[0, 0, 0]]).any(|version| range.matches(version)) {
        return Err(problem("no version lies in this range"));
    }
    Ok(range)
}

fn comparator(part: &str) -> Option<Comparators> {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
    let end = part.find(|character: char| character.is_ascii_digit() || character == 'v')?;
    let (sign, version) = part.split_at(end);
    let given = numbers(version.strip_prefix('v').unwrap_or(version))?;
    let low = filled(&given);
    let next = |kept: usize| above(&given, kept);
    Some(match sign {
        ">=" => vec![(GreaterOrEqual, low)],
        "<" => vec![(Less, low)],
        ">" if given.len() == 3 => vec![(Greater, low)],
        ">" => vec![(GreaterOrEqual, next(given.len())?)],
        "<=" if given.len() == 3 => vec![(LessOrEqual, low)],
        "<=" => vec![(Less, next(given.len())?)],
        "" | "=" if given.len() == 3 => vec![(Comparison::Equal, low)],
        "" | "=" => vec![(GreaterOrEqual, low), (Less, next(given.len())?)],
        // Node never had a major version 0 with a boundary, so `^` keeps the major version.
        "^" => vec![(GreaterOrEqual, low), (Less, next(1)?)],
        "~" => vec![(GreaterOrEqual, low), (Less, next(given.len().min(2))?)],
        _ => return None,
    })
}

/// One to three numbers; `x` and `*` end them.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    let mut open = false;
    for part in text.split('.') {
        if matches!(part, "x" | "X" | "*") {
            open = true;
        } else if open || part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        } else {
            numbers.push(part.parse::<u32>().ok()?.into());
        }
    }
    let parts = text.split('.').count();
    (!numbers.is_empty() && parts <= 3).then_some(numbers)
}

fn filled(given: &[u64]) -> [u64; 3] {
    let at = |index: usize| given.get(index).copied().unwrap_or_default();
    [at(0), at(1), at(2)]
}

/// The first version that differs in the first `kept` numbers.
fn above(given: &[u64], kept: usize) -> Option<[u64; 3]> {
    let mut next = filled(given.get(..kept)?);
    *next.get_mut(kept.checked_sub(1)?)? += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_npm_means_by_it() {
        for (range, inside, outside) in [
            (">=20", vec![[20, 0, 0], [26, 10, 0]], vec![[19, 9, 9]]),
            (">=22.13 <27", vec![[22, 13, 0], [26, 99, 0]], vec![[22, 12, 9], [27, 0, 0]]),
            (">= 22 < 27", vec![[22, 0, 0]], vec![[27, 0, 0]]),
            ("24", vec![[24, 0, 0], [24, 99, 9]], vec![[23, 9, 9], [25, 0, 0]]),
            ("22.x", vec![[22, 5, 0]], vec![[23, 0, 0]]),
            ("24.1", vec![[24, 1, 7]], vec![[24, 2, 0]]),
            ("v24.1.2", vec![[24, 1, 2]], vec![[24, 1, 3]]),
            ("=24.1.2", vec![[24, 1, 2]], vec![[24, 1, 1]]),
            ("^22.5.0", vec![[22, 5, 0], [22, 99, 0]], vec![[22, 4, 9], [23, 0, 0]]),
            ("~24.1", vec![[24, 1, 9]], vec![[24, 2, 0]]),
            ("~24", vec![[24, 9, 9]], vec![[25, 0, 0]]),
            (">24", vec![[25, 0, 0]], vec![[24, 99, 0]]),
            (">24.1.0", vec![[24, 1, 1]], vec![[24, 1, 0]]),
            ("<=24", vec![[24, 99, 0]], vec![[25, 0, 0]]),
            ("<=24.1.2", vec![[24, 1, 2]], vec![[24, 1, 3]]),
        ] {
            let parsed = parse(range).unwrap();
            assert!(inside.iter().all(|version| parsed.matches(*version)), "{range}");
            assert!(!outside.iter().any(|version| parsed.matches(*version)), "{range}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            " ",
            "lts",
            "20 || 22",
            ">=",
            "=>20",
            "20.1.2.3",
            "20.",
            "x",
            "20.x.1",
            "-20",
            ">=27 <20",
            "99999999999999999999",
            "20-rc1",
        ] {
            assert_eq!(parse(text).unwrap_err().code, Code::BadVersionRange, "{text}");
        }
    }
}
