//! Values of manifests: sizes, durations, variables with defaults.

use ringfence_project::json::Placed;
use ringfence_project::yaml::Node;

/// Which units a size is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    /// `512m`, `1gb`: powers of 1024.
    Compose,
    /// `512Mi`, `1G`: powers of 1024 with `i`, of 1000 without.
    Kubernetes,
}

/// A scalar with its variables filled in; `None` where only somebody else knows.
pub(super) fn text(node: &Node) -> Option<String> {
    if node.as_seq().is_some() || node.as_map().is_some() || node.is_null() {
        return None;
    }
    if matches!(node.kind(), ringfence_project::yaml::Kind::Template(_)) {
        return None;
    }
    expanded(&node.shown())
}

/// `${NAME:-default}` as its default, `$$` as a dollar; `None` with any other variable.
pub(super) fn expanded(text: &str) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            whole.push('$');
            rest = after;
        } else if let Some(inside) = after.strip_prefix('{') {
            let (inside, after) = inside.split_once('}')?;
            let (_, default) = inside.split_once(":-").or_else(|| inside.split_once('-'))?;
            whole.push_str(default);
            rest = after;
        } else if after.starts_with(|next: char| next.is_ascii_alphabetic() || next == '_') {
            return None;
        } else {
            whole.push('$');
            rest = after;
        }
    }
    whole.push_str(rest);
    Some(whole)
}

/// One name, a list of names, or the keys of a mapping.
pub(super) fn names(node: Option<&Node>) -> Vec<Placed<String>> {
    let Some(node) = node else { return Vec::new() };
    if let Some(entries) = node.as_map() {
        return entries.iter().map(|entry| Placed::new(entry.key.clone(), entry.line)).collect();
    }
    let one = std::slice::from_ref(node);
    let items = node.as_seq().unwrap_or(if node.is_null() { &[] } else { one });
    items.iter().filter_map(|item| Some(Placed::new(text(item)?, item.line()))).collect()
}

/// A size in bytes, more than zero.
pub(super) fn size(text: &str, sizes: Sizes) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let lower = unit.to_ascii_lowercase();
    let power = match (sizes, unit) {
        (_, "") => 0,
        (Sizes::Kubernetes, "k" | "M" | "G" | "T") => {
            return whole(number * 1000_f64.powi(power_of(unit.chars().next()?)?));
        }
        (Sizes::Kubernetes, "Ki" | "Mi" | "Gi" | "Ti") => power_of(unit.chars().next()?)?,
        (Sizes::Kubernetes, _) => return None,
        (Sizes::Compose, _) => match lower.trim_end_matches('b').trim_end_matches('i') {
            "" => 0,
            letter if letter.len() == 1 => power_of(letter.chars().next()?)?,
            _ => return None,
        },
    };
    whole(number * 1024_f64.powi(power))
}

fn power_of(letter: char) -> Option<i32> {
    match letter.to_ascii_lowercase() {
        'k' => Some(1),
        'm' => Some(2),
        'g' => Some(3),
        't' => Some(4),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked")]
fn whole(number: f64) -> Option<u64> {
    (1.0..=9.0e15).contains(&number).then_some(number as u64)
}

/// Whole seconds of `30s`, `1m30s`, `2h`; a bare number is seconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let mut sum: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let (factor, next) = if let Some(next) = after.strip_prefix("ms") {
            (0, next)
        } else if let Some(next) = after.strip_prefix('s') {
            (1, next)
        } else if let Some(next) = after.strip_prefix('m') {
            (60, next)
        } else {
            (3600, after.strip_prefix('h')?)
        };
        sum = sum.checked_add(number.checked_mul(factor)?)?;
        rest = next;
    }
    Some(sum)
}

/// Cores of `500m`, `1.5`, `2`.
pub(super) fn cores(text: &str) -> Option<f64> {
    match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<f64>().ok().map(|number| number / 1000.0),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_durations_and_cores_are_those_of_their_files() {
        assert_eq!(size("512m", Sizes::Compose), Some(512 << 20));
        assert_eq!(size("1.5gb", Sizes::Compose), Some(3 << 29));
        assert_eq!(size("64", Sizes::Compose), Some(64));
        assert_eq!(size("512Mi", Sizes::Kubernetes), Some(512 << 20));
        assert_eq!(size("1G", Sizes::Kubernetes), Some(1_000_000_000));
        for wrong in ["", "x", "0", "-1Mi", "1e99Gi", "999999999999999999Ti"] {
            assert_eq!(size(wrong, Sizes::Kubernetes), None, "{wrong}");
        }
        assert_eq!((seconds("1m30s"), seconds("45"), seconds("x")), (Some(90), Some(45), None));
        assert_eq!((cores("500m"), cores("2")), (Some(0.5), Some(2.0)));
    }

    #[test]
    fn defaults_of_variables_count_and_other_variables_are_unknown() {
        assert_eq!(expanded("a${X:-b}c$$d").as_deref(), Some("abc$d"));
        assert_eq!((expanded("$X"), expanded("${X}"), expanded("${X")), (None, None, None));
        assert_eq!(expanded("costs 5$").as_deref(), Some("costs 5$"));
    }
}
