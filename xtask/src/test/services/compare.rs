//! Whether a service did in one run what it did in its control, and if not, where the two part.
//!
//! The lines that differ come first and everything else is left out: a log that is cut short
//! still shows them.

use crate::test::services::visit::Seen;
use std::fmt::Write as _;

/// Lines of a difference that are shown; a service that answered nothing has no more to say.
const SHOWN: usize = 12;
/// Lines of the service's own output that are shown, from its end.
const SAID: usize = 20;
/// Characters of a line that are shown.
const WIDTH: usize = 300;

/// Whether a run answered and ended as its control did; the error shows the difference. Each has
/// the word that it is called by.
pub(crate) fn compare(control: (&str, &Seen), run: (&str, &Seen)) -> Result<(), String> {
    let ((before, control), (after, run)) = (control, run);
    if control.lines == run.lines && control.code == run.code {
        return Ok(());
    }
    let mut told = format!("{after} it did something else than {before}");
    if control.code != run.code {
        let _ = write!(told, "\nended with {} {after}, with {} {before}", run.code, control.code);
    }
    for line in difference(&control.lines, &run.lines) {
        let _ = write!(told, "\n{line}");
    }
    let said: Vec<&str> = run.output.lines().collect();
    let _ = write!(told, "\nit said {after}, at the end");
    for line in &said[said.len().saturating_sub(SAID)..] {
        let _ = write!(told, "\n| {}", cut(line));
    }
    Err(told)
}

/// What lies between the lines that both begin and both end with: `-` only in the control,
/// `+` only in the run.
pub(crate) fn difference(bare: &[String], inside: &[String]) -> Vec<String> {
    let same = |pairs: &mut dyn Iterator<Item = (&String, &String)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let head = same(&mut bare.iter().zip(inside));
    let (bare, inside) = (&bare[head..], &inside[head..]);
    let tail = same(&mut bare.iter().rev().zip(inside.iter().rev()));
    let marked = |sign: char, lines: &[String]| {
        let own = &lines[..lines.len() - tail];
        let mut shown: Vec<String> = own
            .iter()
            .take(SHOWN)
            .enumerate()
            .map(|(index, line)| format!("{sign}{} {}", head + index + 1, cut(line)))
            .collect();
        if own.len() > SHOWN {
            shown.push(format!("{sign} and {} more lines", own.len() - SHOWN));
        }
        shown
    };
    let mut shown = marked('-', bare);
    shown.extend(marked('+', inside));
    shown
}

fn cut(line: &str) -> String {
    line.chars().take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_what_differs_is_shown_and_it_comes_first() {
        let shown = difference(&lines("a b c d"), &lines("a x y d"));
        assert_eq!(shown, ["-2 b", "-3 c", "+2 x", "+3 y"]);
        assert_eq!(difference(&lines("a b"), &lines("a")), ["-2 b"]);
        assert_eq!(difference(&lines("a a"), &lines("a a a")), ["+3 a"]);
        assert!(difference(&lines("a b"), &lines("a b")).is_empty());
    }

    #[test]
    fn a_service_that_answers_nothing_alike_does_not_fill_the_log() {
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(difference(&many, &[]).len(), SHOWN + 1);
    }

    #[test]
    fn another_exit_code_is_told_before_what_the_service_said() {
        let seen = |code, output: &str| Seen {
            lines: lines("a"),
            code,
            denials: Vec::new(),
            output: output.to_owned(),
        };
        assert!(compare(("bare", &seen(0, "")), ("inside", &seen(0, "other words"))).is_ok());
        let told = compare(("bare", &seen(0, "")), ("inside", &seen(143, "bye"))).unwrap_err();
        assert_eq!(
            told.lines().skip(1).collect::<Vec<_>>(),
            ["ended with 143 inside, with 0 bare", "it said inside, at the end", "| bye"]
        );
    }
}
