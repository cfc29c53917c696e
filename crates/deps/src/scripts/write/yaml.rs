//! One key of the outermost mapping of a YAML file set in place: every other line stays.

/// The text with a key set to these lines, each behind the key at its own depth; with `None`, without
/// that key.
///
/// # Errors
/// A text in which the end of the key's value cannot be told by its lines.
pub(super) fn set(text: &str, key: &str, value: Option<&[String]>) -> Result<String, String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut found = lines.iter().enumerate().filter(|(_, line)| is_key(line, key));
    let (first, second) = (found.next().map(|(at, _)| at), found.next());
    if second.is_some() {
        return Err(format!("the key {key} is there twice"));
    }
    if lines.iter().any(|line| line.starts_with(['{', '[', '?', '%'])) {
        return Err("it is not written line by line".to_owned());
    }
    let several = lines.iter().skip(1).any(|line| line.starts_with("---"));
    if several || lines.iter().any(|line| line.starts_with("...")) {
        return Err("there is more than one document in it".to_owned());
    }
    let block = value.map(|value| value.join(newline) + newline).unwrap_or_default();
    let Some(first) = first else {
        if block.is_empty() {
            return Ok(text.to_owned());
        }
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        return Ok(format!("{text}{end}{block}"));
    };
    let last = end(&lines, first);
    if lines.get(last).is_some_and(|line| line.starts_with(['}', ']', '"', '\'']))
        && last == first + 1
    {
        let closes = lines[last].starts_with(['}', ']']);
        if closes {
            return Err(format!("the value of {key} is not written line by line"));
        }
    }
    let now: String = lines[first..last].concat();
    if now == block {
        return Ok(text.to_owned());
    }
    Ok(format!("{}{block}{}", lines[..first].concat(), lines[last..].concat()))
}

/// The lines of a key and of its value; `None` without that key.
pub(super) fn lines_of<'a>(text: &'a str, key: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = lines.iter().position(|line| is_key(line, key))?;
    Some(lines[first..end(&lines, first)].to_vec())
}

/// The text with a key set to one word; a comment behind it stays.
///
/// # Errors
/// As [`set`].
pub(super) fn set_word(text: &str, key: &str, word: &str) -> Result<String, String> {
    let line = lines_of(text, key).filter(|lines| lines.len() == 1).map(|lines| lines[0]);
    let old = line.and_then(|line| {
        let (own, value) = bare(line).split_once(':')?;
        let value = value.trim();
        let is_word = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        (is_word && !value.is_empty()).then_some((own.len() + 1, value))
    });
    let new = match (line, old) {
        (Some(_), Some((_, value))) if value == word => return Ok(text.to_owned()),
        (Some(line), Some((colon, value))) => {
            let rest = line[colon..].replacen(value, word, 1);
            format!("{}{}", &line[..colon], rest.trim_end())
        }
        _ => format!("{key}: {word}"),
    };
    set(text, key, Some(&[new]))
}

/// The value of a key of the outermost mapping that is one word, without the marks around it.
pub(crate) fn word(text: &str, key: &str) -> Option<String> {
    let lines = lines_of(text, key).filter(|lines| lines.len() == 1)?;
    let (_, value) = bare(lines.first()?).split_once(':')?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

/// A line without its comment and the blanks at its end.
pub(super) fn bare(line: &str) -> &str {
    let comment = line.match_indices('#').map(|(at, _)| at);
    let mut comment = comment.filter(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
    line[..comment.next().unwrap_or(line.len())].trim_end()
}

/// Behind the value of the key in a line. Blank lines and comments are of it where more of it follows.
fn end(lines: &[&str], key: usize) -> usize {
    let mut end = key + 1;
    for (at, line) in lines.iter().enumerate().skip(key + 1) {
        // A list may begin at the same depth as its key.
        if line.starts_with([' ', '\t']) && !line.trim().is_empty() || line.starts_with("- ") {
            end = at + 1;
        } else if !bare(line).is_empty() {
            break;
        }
    }
    end
}

fn is_key(line: &str, key: &str) -> bool {
    let bare = line.strip_prefix(key);
    let quoted = || {
        ['"', '\'']
            .into_iter()
            .find_map(|mark| line.strip_prefix(mark)?.strip_prefix(key)?.strip_prefix(mark))
    };
    bare.or_else(quoted).is_some_and(|rest| {
        rest.trim_start_matches(' ')
            .strip_prefix(':')
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r', '\t']))
    })
}

/// A key or value as text that YAML takes for nothing else.
pub(super) fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if plain && begins && !word.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_the_key_change() {
        let text = "# mine\npackages:\n  - a/*\n\nallowBuilds:\n  old: true\n\n# more\nz: 1";
        let block = ["allowBuilds:".to_owned(), "  'a@1.0.0': true".to_owned()];
        let once = set(text, "allowBuilds", Some(&block)).unwrap();
        assert_eq!(once, text.replace("  old: true\n", "  'a@1.0.0': true\n"));
        assert_eq!(set(&once, "allowBuilds", Some(&block)).unwrap(), once);
        assert_eq!(
            set(text, "minimumReleaseAge", Some(&["minimumReleaseAge: 3".to_owned()])).unwrap(),
            format!("{text}\nminimumReleaseAge: 3\n")
        );
        let list = "onlyBuiltDependencies:\n- a\n- b\nz: 1\n";
        assert_eq!(set(list, "onlyBuiltDependencies", None).unwrap(), "z: 1\n");
    }

    #[test]
    fn what_cannot_be_told_by_lines_is_left_alone() {
        let block = ["a: 1".to_owned()];
        for text in ["{a: 1}\n", "a: 1\na: 2\n", "a: {\n}\n", "x: 1\n---\ny: 1\n"] {
            assert!(set(text, "a", Some(&block)).is_err(), "{text}");
        }
        assert_eq!(quoted("@s/a@1.0.0"), "'@s/a@1.0.0'");
        assert_eq!((quoted("esbuild"), quoted("no")), ("esbuild".into(), "'no'".into()));
    }
}
