//! `{a,b}`, `{1..9}` and `{a..e}`: what a pattern with braces stands for, in the order of Bash.

use super::PatternError;

/// Most patterns that one stands for.
const MOST: usize = 10_000;
/// Deepest braces.
const DEEPEST: usize = 32;

/// Characters that stand for what was escaped, while braces are read: `\`, `{`, `}`, `,`, `.`.
const ESCAPED: [(char, char); 5] = [
    ('\\', '\u{f0000}'),
    ('{', '\u{f0001}'),
    ('}', '\u{f0002}'),
    (',', '\u{f0003}'),
    ('.', '\u{f0004}'),
];
const ESCAPED_CLOSE: char = ESCAPED[2].1;

/// Every pattern without braces that this one stands for, each once.
pub(super) fn expand(text: &str) -> Result<Vec<String>, PatternError> {
    if !has_braces(text) {
        return Ok(vec![text.to_owned()]);
    }
    // Braces with nothing in them at the very start stay, as in Bash.
    let text = match text.strip_prefix("{}") {
        Some(rest) => format!("\\{{\\}}{rest}"),
        None => text.to_owned(),
    };
    let characters: Vec<char> = hide(&text);
    let mut all: Vec<String> = Vec::new();
    for one in inner(&characters, true, 0)? {
        let shown: String = one.into_iter().map(show).collect();
        if !all.contains(&shown) {
            all.push(shown);
        }
    }
    Ok(all)
}

/// Whether there is a `{` and, behind it, a `}` with no other `{` before it.
fn has_braces(text: &str) -> bool {
    let mut open = false;
    for character in text.chars() {
        match character {
            '{' => open = true,
            '}' if open => return true,
            _ => {}
        }
    }
    false
}

fn hide(text: &str) -> Vec<char> {
    let mut all = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let stands = ESCAPED.iter().find(|(plain, _)| character == '\\' && next == Some(*plain));
        match stands {
            Some((_, hidden)) => {
                characters.next();
                all.push(*hidden);
            }
            None => all.push(character),
        }
    }
    all
}

fn show(character: char) -> char {
    ESCAPED.iter().find(|(_, hidden)| *hidden == character).map_or(character, |(plain, _)| *plain)
}

/// The first pair of braces that belong together: the outermost, where they are balanced.
fn pair(text: &[char]) -> Option<(usize, usize)> {
    let first = text.iter().position(|one| *one == '{')?;
    let mut open = Vec::new();
    let mut inside: Option<(usize, usize)> = None;
    for (at, character) in text.iter().enumerate().skip(first) {
        match character {
            '{' => open.push(at),
            '}' => {
                let begin = open.pop()?;
                if open.is_empty() {
                    return Some((begin, at));
                }
                if inside.is_none_or(|(left, _)| begin < left) {
                    inside = Some((begin, at));
                }
            }
            _ => {}
        }
    }
    inside
}

type Texts = Vec<Vec<char>>;

fn inner(text: &[char], top: bool, depth: usize) -> Result<Texts, PatternError> {
    if depth > DEEPEST {
        return Err(PatternError::Braces);
    }
    let Some((begin, end)) = pair(text) else { return Ok(vec![text.to_vec()]) };
    let (before, body, after) = (&text[..begin], &text[begin + 1..end], &text[end + 1..]);
    let rest = || -> Result<Texts, PatternError> {
        if after.is_empty() { Ok(vec![Vec::new()]) } else { inner(after, false, depth + 1) }
    };
    if before.last() == Some(&'$') {
        return joined(before, &[text[begin..=end].to_vec()], &rest()?, false);
    }
    let sequence = sequence(body)?;
    let is_sequence = sequence.is_some();
    let values = match sequence {
        Some(values) => values,
        None if body.contains(&',') => {
            let parts = commas(body);
            match parts.as_slice() {
                [only] => {
                    let inside = inner(only, false, depth + 1)?;
                    let inside: Texts = inside.iter().map(|one| embraced(one)).collect();
                    if inside.len() == 1 {
                        return joined(before, &inside, &rest()?, false);
                    }
                    inside
                }
                parts => each(parts, depth)?,
            }
        }
        None if closes_later(after) => {
            let mut again = text.to_vec();
            again[end] = ESCAPED_CLOSE;
            return inner(&again, true, depth + 1);
        }
        None => return Ok(vec![text.to_vec()]),
    };
    joined(before, &values, &rest()?, top && !is_sequence)
}

/// What each part stands for.
fn each(parts: &[Vec<char>], depth: usize) -> Result<Texts, PatternError> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(inner(part, false, depth + 1)?);
        if all.len() > MOST {
            return Err(PatternError::Braces);
        }
    }
    Ok(all)
}

fn embraced(text: &[char]) -> Vec<char> {
    let mut all = vec!['{'];
    all.extend_from_slice(text);
    all.push('}');
    all
}

fn joined(
    before: &[char],
    values: &[Vec<char>],
    rest: &[Vec<char>],
    drop_empty: bool,
) -> Result<Texts, PatternError> {
    if values.len().saturating_mul(rest.len()) > MOST {
        return Err(PatternError::Braces);
    }
    let mut all = Vec::new();
    for value in values {
        for after in rest {
            let one = [before, value, after].concat();
            if !(drop_empty && one.is_empty()) {
                all.push(one);
            }
        }
    }
    Ok(all)
}

/// Whether a single comma stands before another `}`: `{a},b}`.
fn closes_later(after: &[char]) -> bool {
    let Some(last) = after.iter().rposition(|one| *one == '}') else { return false };
    after[..last].iter().enumerate().any(|(at, one)| *one == ',' && after.get(at + 1) != Some(&','))
}

/// Splits at the commas that stand in no other braces.
fn commas(body: &[char]) -> Texts {
    let mut parts = vec![Vec::new()];
    let mut depth = 0_usize;
    let balanced = pair(body).is_some();
    for character in body {
        match character {
            ',' if depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            '{' if balanced => depth += 1,
            '}' if balanced => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(*character);
        }
    }
    parts
}

/// `1..9`, `09..1..2`, `a..e`: the values; `None` where it is no such thing.
fn sequence(body: &[char]) -> Result<Option<Texts>, PatternError> {
    let text: String = body.iter().collect();
    let parts: Vec<&str> = text.split("..").collect();
    if !(2..=3).contains(&parts.len()) {
        return Ok(None);
    }
    let step = match parts.get(2) {
        Some(step) if is_number(step) => step.parse::<i64>().unwrap_or(1).abs().max(1),
        Some(_) => return Ok(None),
        None => 1,
    };
    let letter = |part: &str| {
        let mut characters = part.chars();
        characters.next().filter(|one| one.is_ascii_alphabetic() && characters.next().is_none())
    };
    let numbers = is_number(parts[0]) && is_number(parts[1]);
    let (from, to) = if numbers {
        match (parts[0].parse::<i64>(), parts[1].parse::<i64>()) {
            (Ok(from), Ok(to)) => (from, to),
            _ => return Err(PatternError::Braces),
        }
    } else {
        match (letter(parts[0]), letter(parts[1])) {
            (Some(from), Some(to)) => (i64::from(u32::from(from)), i64::from(u32::from(to))),
            _ => return Ok(None),
        }
    };
    let padded = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.len() > 1 && digits.starts_with('0')
    };
    let width = parts[0].len().max(parts[1].len());
    let width = if numbers && parts.iter().any(padded) { width } else { 0 };
    let count = from.abs_diff(to) / step.unsigned_abs() + 1;
    if count > MOST as u64 {
        return Err(PatternError::Braces);
    }
    let one = |index: u64| {
        let by = i64::try_from(index).unwrap_or(0) * step;
        let value = if from <= to { from + by } else { from - by };
        if numbers {
            return format!("{value:0width$}").chars().collect();
        }
        let letter = u32::try_from(value).ok().and_then(char::from_u32);
        letter.into_iter().filter(|one| *one != '\\').collect()
    };
    Ok(Some((0..count).map(one).collect()))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
