//! Notes as people read them: one line for every grant of which the same is to be said.

use super::Note;

/// Notes with the same sentence as one, where the first of them stands. A key is written once in front
/// of the values that follow each other under it: `fs.read "./src", "./config"`.
#[must_use]
pub fn grouped(notes: &[Note]) -> Vec<Note> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in notes {
        match groups.iter_mut().find(|(carried, _)| *carried == note.carried) {
            Some((_, grants)) if grants.contains(&note.grant.as_str()) => {}
            Some((_, grants)) => grants.push(&note.grant),
            None => groups.push((&note.carried, vec![&note.grant])),
        }
    }
    let one = |(carried, grants): (&str, Vec<&str>)| Note {
        grant: listed(&grants),
        carried: carried.to_owned(),
    };
    groups.into_iter().map(one).collect()
}

/// A text that stays one line of a comment for every reader: what could end the line, or is not seen,
/// is written as its code.
#[must_use]
pub fn comment(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().fold(String::new(), |mut line, c| {
        if ends(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
        line
    })
}

fn listed(grants: &[&str]) -> String {
    let mut text = String::new();
    let mut last = None;
    for grant in grants {
        // Only what is in quotes is a value of a list.
        let split = grant.split_once(' ').filter(|(_, value)| value.starts_with('"'));
        let key = split.map(|(key, _)| key);
        if !text.is_empty() {
            text.push_str(", ");
        }
        match split {
            Some((_, value)) if key == last => text.push_str(value),
            _ => text.push_str(grant),
        }
        last = key;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_stays_one_line_for_every_reader() {
        let text = comment("a\u{85}b\u{2028}c\u{2029}d\re\nf");
        assert_eq!(text, "a\\u{85}b\\u{2028}c\\u{2029}d\\u{d}e\\u{a}f");
    }

    #[test]
    fn what_is_said_of_several_grants_is_said_once() {
        let note = |grant: &str, carried: &str| Note {
            grant: grant.to_owned(),
            carried: carried.to_owned(),
        };
        let notes = [
            note("fs.read \"./src\"", "it is read"),
            note("fs.write \"./a\"", "it is written"),
            note("fs.read \"./config\"", "it is read"),
            note("fs.optional \"./more\"", "it is read"),
            note("process.workers", "a switch"),
            note("process.wasi", "a switch"),
            note("fs.read \"./src\"", "it is read"),
        ];
        let grouped = grouped(&notes);
        let lines: Vec<String> =
            grouped.iter().map(|note| format!("{}: {}", note.grant, note.carried)).collect();
        assert_eq!(
            lines,
            [
                "fs.read \"./src\", \"./config\", fs.optional \"./more\": it is read",
                "fs.write \"./a\": it is written",
                "process.workers, process.wasi: a switch",
            ]
        );
    }
}
