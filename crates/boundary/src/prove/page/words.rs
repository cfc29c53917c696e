//! Words and numbers as the page writes them.

use ringfence_policy::display::untrusted;

/// `text` made safe to show and cut in its middle to `letters`: the end of a path says most.
pub(super) fn clip(text: &str, letters: usize) -> String {
    let text = untrusted(text).to_string();
    if text.len() <= letters {
        return text;
    }
    // Printable ASCII only: every byte is a letter.
    let head = letters.saturating_sub(3) / 3;
    let tail = letters.saturating_sub(3) - head;
    format!("{}...{}", &text[..head], &text[text.len() - tail..])
}

/// `1 attack`, `2 attacks`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_end() {
        assert_eq!(clip("/usr/lib/node_modules/sharp", 18), "/usr/...ules/sharp");
        assert_eq!(clip("short", 18), "short");
        assert_eq!(clip("\u{202e}", 18), r"\u{202e}");
    }
}
