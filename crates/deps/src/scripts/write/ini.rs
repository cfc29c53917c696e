//! One key of an `.npmrc` set in place: every other line stays.

/// The text with the value of a key set. Where the key is there more than once, its last line counts,
/// and is the one that changes.
pub(super) fn set(text: &str, key: &str, value: &str) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let Some(at) = lines.iter().rposition(|line| key_of(line) == Some(key)) else {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        return format!("{text}{end}{key}={value}{newline}");
    };
    if value_of(&lines[at]) == Some(value) {
        return text.to_owned();
    }
    let end = if lines[at].ends_with('\n') { newline } else { "" };
    lines[at] = format!("{key}={value}{end}");
    lines.concat()
}

/// The value of a key.
pub(super) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().rev().find(|line| key_of(line) == Some(key)).and_then(value_of)
}

fn key_of(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with([';', '#']) {
        return None;
    }
    Some(line.split_once('=').map_or(line, |(key, _)| key).trim())
}

fn value_of(line: &str) -> Option<&str> {
    line.split_once('=').map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_of_the_key_changes() {
        let text = "; mine\nregistry = https://a.example\nmin-release-age=1\n#end";
        assert_eq!(set(text, "min-release-age", "3"), text.replace("age=1", "age=3"));
        assert_eq!(set(text, "min-release-age", "1"), text);
        assert_eq!(set(text, "x", "3"), format!("{text}\nx=3\n"));
        assert_eq!(set("", "x", "3"), "x=3\n");
        assert_eq!(value(text, "registry"), Some("https://a.example"));
    }
}
