//! A text without what terminals, Windows and log collectors add to it.

use std::borrow::Cow;

/// Longest line that is looked at, in bytes; what follows on it is left out.
const LONGEST_LINE: usize = 64 * 1024;

/// The beginning and the end of a text that is too long, and whether something was left out: an
/// error stands where a program began or where it ended.
pub(super) fn bounded(text: &str, most: usize) -> (Cow<'_, str>, bool) {
    if text.len() <= most {
        return (Cow::Borrowed(text), false);
    }
    let head = text.floor_char_boundary(most / 2);
    let tail = text.ceil_char_boundary(text.len() - most / 2);
    let text = format!("{}\n{}", text.get(..head).unwrap_or(""), text.get(tail..).unwrap_or(""));
    (Cow::Owned(text), true)
}

/// Its lines, cleaned.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.split(['\n', '\r', '\u{2028}', '\u{2029}'])
        .map(|line| {
            let line = line.get(..line.floor_char_boundary(LONGEST_LINE)).unwrap_or(line);
            let plain = without_escapes(line);
            without_prefix(&plain).trim_end().to_owned()
        })
        .collect()
}

/// Without the sequences that colour a terminal (ECMA-48) and without other control characters.
fn without_escapes(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => match rest.next() {
                Some('[') => {
                    // Parameters and intermediates, then one final character.
                    while rest.next_if(|next| matches!(next, ' '..='?')).is_some() {}
                    let _ = rest.next();
                }
                Some(']') => {
                    // A title or a link: up to BEL or ESC backslash.
                    while let Some(next) = rest.next() {
                        if next == '\u{7}' || (next == '\u{1b}' && rest.next().is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => plain.push_str("    "),
            // What an abstract unix socket begins with.
            '\0' => plain.push('@'),
            character if character.is_control() => {}
            character => plain.push(character),
        }
    }
    plain
}

/// Without what Docker Compose (`api-1  | `), the container runtimes (`TIME stderr F `) and
/// `kubectl --prefix` (`[pod/NAME/CONTAINER] `) put in front of each line.
fn without_prefix(line: &str) -> &str {
    if let Some((name, rest)) = line.split_once(" | ")
        && is_name(name.trim_end())
    {
        return rest;
    }
    if let Some(rest) = line.strip_prefix("[pod/")
        && let Some((name, rest)) = rest.split_once("] ")
        && is_name(&name.replace('/', "-"))
    {
        return rest;
    }
    for stream in [" stderr F ", " stdout F "] {
        if let Some((time, rest)) = line.split_once(stream)
            && time.len() < 40
            && time.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ+".contains(&byte))
        {
            return rest;
        }
    }
    line
}

fn is_name(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_titles_and_windows_line_ends_are_taken_off() {
        let text = "\u{1b}[31mError\u{1b}[0m: x\r\n\u{1b}]0;title\u{7}y\u{1b}[1;38;5;208mz\n";
        let lines: Vec<String> = lines(text).into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["Error: x", "yz"]);
        assert_eq!(super::lines("\u{1b}"), [""]);
        assert_eq!(super::lines("a\u{1b}[12"), ["a"]);
    }

    #[test]
    fn the_prefixes_of_collectors_are_taken_off() {
        assert_eq!(without_prefix("api-1  | Error: x"), "Error: x");
        assert_eq!(without_prefix("[pod/api-7f/api] Error: x"), "Error: x");
        assert_eq!(without_prefix("2026-11-22T19:00:00.1Z stderr F Error: x"), "Error: x");
        assert_eq!(without_prefix("at f (a | b)"), "at f (a | b)");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let text = format!("begin{}\u{e9}end", "x".repeat(1000));
        let (kept, shortened) = bounded(&text, 100);
        assert!(shortened && kept.starts_with("begin") && kept.ends_with("end"));
        assert!(kept.len() <= 102);
        assert_eq!(bounded("short", 100), (Cow::Borrowed("short"), false));
    }
}
