//! One number in a table of a `bunfig.toml` set in place: every other line stays.

/// The text with `key = value` in `[table]`.
///
/// # Errors
/// A table that is written in another way than with a line of its own.
pub(super) fn set(text: &str, table: &str, key: &str, value: u64) -> Result<String, String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let other = |line: &String| {
        let line = line.trim_start();
        let rest = line.strip_prefix(table).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(['.', '=']))
    };
    let first = lines.iter().position(|line| line.trim_start().starts_with('['));
    if lines[..first.unwrap_or(lines.len())].iter().any(other)
        || text.contains("\"\"\"")
        || text.contains("'''")
    {
        return Err(format!("the table {table} is not written line by line"));
    }
    let line = format!("{key} = {value}{newline}");
    let Some(header) = lines.iter().position(|line| header(line) == Some(table)) else {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        let gap = if text.is_empty() { "" } else { newline };
        return Ok(format!("{text}{end}{gap}[{table}]{newline}{line}"));
    };
    let end = lines[header + 1..].iter().position(|line| line.trim_start().starts_with('['));
    let end = end.map_or(lines.len(), |end| header + 1 + end);
    let is_key = |line: &String| {
        line.split_once('=').is_some_and(|(name, _)| name.trim().trim_matches('"') == key)
    };
    if let Some(at) = lines[header + 1..end].iter().position(is_key) {
        let at = header + 1 + at;
        let (own, now) = lines[at].split_once('=').unwrap_or_default();
        let digits = now.trim_start().split(|c: char| !c.is_ascii_digit() && c != '_').next();
        let digits = digits.unwrap_or_default();
        if digits.is_empty() {
            lines[at] = line;
        } else if digits.parse() != Ok(value) {
            // A comment behind it stays.
            lines[at] = format!("{own}={}", now.replacen(digits, &value.to_string(), 1));
        }
    } else {
        if !lines[header].ends_with('\n') {
            lines[header].push_str(newline);
        }
        lines.insert(header + 1, line);
    }
    Ok(lines.concat())
}

fn header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or(line).trim();
    line.strip_prefix('[')?.strip_suffix(']').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_of_the_key_changes() {
        let of = |text: &str| set(text, "install", "minimumReleaseAge", 3);
        assert_eq!(of("").unwrap(), "[install]\nminimumReleaseAge = 3\n");
        let text = "# mine\n[install]\nexact = true\n\n[run]\nx = 1\n";
        let once = of(text).unwrap();
        assert_eq!(once, text.replace("[install]\n", "[install]\nminimumReleaseAge = 3\n"));
        assert_eq!(of(&once).unwrap(), once);
        assert_eq!(
            of(&once.replace("= 3", "=  9_000 # old")).unwrap(),
            once.replace("= 3", "=  3 # old")
        );
        assert_eq!(of(&once.replace("= 3", "= \"9\" # old")).unwrap(), once);
        assert_eq!(
            of(&once.replace("= 3", "= 3 # old")).unwrap(),
            once.replace("= 3", "= 3 # old")
        );
        assert_eq!(of("[run]").unwrap(), "[run]\n\n[install]\nminimumReleaseAge = 3\n");
        assert!(of("install.exact = true\n").is_err() && of("install = {}\n").is_err());
    }
}
