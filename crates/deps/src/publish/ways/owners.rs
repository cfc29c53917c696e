//! Who has to look at a change of the workflow that publishes.

use super::super::finding::Found;
use super::super::pattern::{Budget, Case, Pattern};
use super::super::repository::Repository;
use ringfence_project::walk;

/// Where GitHub looks for owners, first come first served.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

pub(super) fn look(repository: &Repository, publishes: &[String], found: &mut Found<'_>) {
    let mut read = PLACES.iter().filter_map(|place| {
        walk::text(&repository.root.join(place), super::LARGEST).ok().map(|text| (*place, text))
    });
    let owners = read.next();
    for file in publishes.iter().filter(|file| file.starts_with('.')) {
        let message = match &owners {
            None => "no CODEOWNERS says who has to review a change of it".to_owned(),
            Some((place, text)) if !is_owned(text, file) => {
                format!("{place} names nobody who has to review a change of it")
            }
            Some(_) => continue,
        };
        found.in_file(None, "unprotected-workflow", (file, 1), message);
    }
}

/// Whether the last line that fits a file names somebody.
fn is_owned(text: &str, file: &str) -> bool {
    let mut owned = false;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        let Some(pattern) = words.next() else { continue };
        if fits(pattern, file) {
            owned = words.next().is_some();
        }
    }
    owned
}

fn fits(pattern: &str, file: &str) -> bool {
    let plain = pattern.trim_start_matches('/').trim_end_matches('/');
    if plain == "*" {
        return true;
    }
    let parts: Vec<&str> = file.split('/').collect();
    let read = |text: String| {
        let pattern = Pattern::read(&text, Case::Exact);
        pattern.is_ok_and(|pattern| pattern.matches(&parts, false, &Budget::default()))
    };
    let anywhere = !pattern.starts_with('/') && !plain.contains('/');
    let begin = if anywhere { "**/" } else { "" };
    read(format!("{begin}{plain}")) || read(format!("{begin}{plain}/**"))
}

#[cfg(test)]
mod tests {
    use super::is_owned;

    #[test]
    fn the_last_line_that_fits_decides() {
        let file = ".github/workflows/release.yml";
        for text in [
            "* @a",
            "/.github/ @a",
            ".github/workflows/ @a",
            "/.github/**/*.yml @a",
            "* @a\n/src @b",
        ] {
            assert!(is_owned(text, file), "{text}");
        }
        for text in ["", "# * @a", "/src/ @a", "* @a\n/.github/workflows/"] {
            assert!(!is_owned(text, file), "{text}");
        }
    }
}
