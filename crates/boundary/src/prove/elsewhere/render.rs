//! The table for people and as Markdown.

use super::comparison::{Comparison, Counts, OURS, PlaceReport, Row, State};
use ringfence_policy::display::untrusted;
use std::collections::BTreeSet;
use std::fmt::Write as _;

impl Comparison {
    /// The comparison as JSON.
    ///
    /// # Errors
    /// None in practice: the form has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// For people, in lines of at most 80 columns but for the command lines of the peers.
    #[must_use]
    pub fn render_human(&self) -> String {
        let mut text = String::new();
        let places: Vec<&PlaceReport> = self.run().collect();
        let _ = write!(text, "{:<12}", "open/blocked");
        for place in &places {
            let _ = write!(text, "{:>11}", place.id);
        }
        text.push('\n');
        for class in self.classes() {
            let _ = write!(text, "{class:<12}");
            for place in &places {
                let counts = place.classes.get(class).copied().unwrap_or_default();
                let _ = write!(text, "{:>11}", short(&counts));
            }
            text.push('\n');
        }
        let _ = write!(text, "{:<12}", "all");
        for place in &places {
            let _ = write!(text, "{:>11}", short(&place.counts));
        }
        let _ = write!(text, "\n{:<12}", "grants work");
        for place in &places {
            let _ = write!(text, "{:>11}", worked(place));
        }
        text.push('\n');
        for place in self.peers() {
            let _ = writeln!(text, "\n{}: {}", place.id, place.what);
            for (title, rows) in self.lists(place) {
                let names: Vec<&str> = rows.iter().map(|row| row.probe).collect();
                if !names.is_empty() {
                    let _ = writeln!(text, "  {title} ({}):", names.len());
                    fill(&mut text, &names);
                }
            }
        }
        for place in &self.places {
            if let Some(why) = &place.not_run {
                let _ = writeln!(text, "\nnot run: {}: {}", place.id, untrusted(why));
            }
        }
        text
    }

    /// As a page of documentation, without a title.
    #[must_use]
    pub fn render_markdown(&self) -> String {
        let mut text = String::new();
        let evidence = &self.evidence;
        let node = evidence.node.as_ref().map(|node| format!(", Node {node}")).unwrap_or_default();
        let short = evidence.boundary.get(..16).unwrap_or(&evidence.boundary);
        let _ = writeln!(
            text,
            "Service `{}`, boundary {short}, ringfence {}, {}{node}, user {} inside.\n",
            evidence.service, evidence.ringfence, evidence.kernel, evidence.users[1],
        );
        self.markdown_table(&mut text);
        self.markdown_places(&mut text);
        for place in self.peers() {
            let _ = writeln!(text, "### {} beside ringfence\n", place.id);
            for (title, rows) in self.lists(place) {
                let names: Vec<String> =
                    rows.iter().map(|row| format!("`{}`", row.probe)).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let _ = writeln!(text, "- {title} ({}): {names}", rows.len());
            }
            text.push('\n');
        }
        self.markdown_attacks(&mut text);
        text
    }

    fn markdown_table(&self, text: &mut String) {
        let places: Vec<&PlaceReport> = self.run().collect();
        let line = |text: &mut String, head: &str, cells: Vec<String>| {
            let _ = writeln!(text, "| {head} | {} |", cells.join(" | "));
        };
        line(text, "class", places.iter().map(|place| place.id.to_owned()).collect());
        line(text, "---", places.iter().map(|_| "---".to_owned()).collect());
        for class in self.classes() {
            let of = |place: &&PlaceReport| place.classes.get(class).copied().unwrap_or_default();
            line(text, class, places.iter().map(|place| long(&of(place))).collect());
        }
        line(text, "**all**", places.iter().map(|place| long(&place.counts)).collect());
        line(text, "granted and works", places.iter().map(|place| worked(place)).collect());
        text.push('\n');
    }

    fn markdown_places(&self, text: &mut String) {
        text.push_str("### The places\n\n");
        for place in &self.places {
            let _ = writeln!(text, "#### {}\n\n{}. {}", place.id, place.what, {
                let version = untrusted(&place.version).to_string();
                if version.is_empty() { version } else { format!("Version: {version}.") }
            });
            if !place.cannot.is_empty() {
                text.push('\n');
            }
            for cannot in &place.cannot {
                let _ = writeln!(text, "- {cannot}");
            }
            if let Some(why) = &place.not_run {
                let _ = writeln!(text, "\nNot run: {}", untrusted(why));
            }
            if !place.command.is_empty() {
                let words: Vec<String> = place.command.iter().map(|word| quote(word)).collect();
                let _ = writeln!(text, "\n```sh\n{}\n```\n", wrapped(&words));
            }
        }
    }

    fn markdown_attacks(&self, text: &mut String) {
        text.push_str("### Every attack\n\n| attack | what is tried |");
        let places: Vec<&PlaceReport> = self.run().collect();
        for place in &places {
            let _ = write!(text, " {} |", place.id);
        }
        let _ = writeln!(text, "\n| --- | --- |{}", " --- |".repeat(places.len()));
        for row in &self.probes {
            let _ = write!(text, "| `{}` | {} |", row.probe, row.attack);
            for place in &places {
                let state = row.cells.get(place.id).map(|cell| cell.state);
                let _ = write!(text, " {} |", state.map_or("", word));
            }
            text.push('\n');
        }
    }

    /// Places that could be tried.
    fn run(&self) -> impl Iterator<Item = &PlaceReport> {
        self.places.iter().filter(|place| place.not_run.is_none())
    }

    fn peers(&self) -> impl Iterator<Item = &PlaceReport> {
        self.run().filter(|place| place.id != OURS)
    }

    fn classes(&self) -> BTreeSet<&'static str> {
        self.probes.iter().map(|row| row.class).collect()
    }

    /// What a place leaves open that ringfence blocks, the reverse, and what was not decided.
    fn lists(&self, place: &PlaceReport) -> [(&'static str, Vec<&Row>); 4] {
        let of = |state| {
            let rows = self.probes.iter();
            let is = |row: &&Row| row.cells.get(place.id).is_some_and(|cell| cell.state == state);
            rows.filter(is).collect::<Vec<_>>()
        };
        [
            ("open there, blocked by ringfence", self.between(place.id, OURS)),
            ("open in ringfence, blocked there", self.between(OURS, place.id)),
            ("works there, but only against the kernel it brings", of(State::OwnKernel)),
            ("told nothing there", of(State::Inconclusive)),
        ]
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Blocked => "blocked",
        State::Inconclusive => "unclear",
        State::NotApplicable => "n/a",
        State::Open => "**open**",
        State::OwnKernel => "own kernel",
    }
}

fn short(counts: &Counts) -> String {
    format!("{}/{}", counts.open, counts.blocked)
}

fn long(counts: &Counts) -> String {
    let mut parts = vec![format!("{} open", counts.open), format!("{} blocked", counts.blocked)];
    let rest = [
        (counts.own_kernel, "own kernel"),
        (counts.not_applicable, "n/a"),
        (counts.inconclusive, "unclear"),
    ];
    let rest = rest.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(rest.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

fn worked(place: &PlaceReport) -> String {
    let works: Vec<&str> =
        place.works.iter().filter(|(_, works)| **works).map(|(what, _)| what.as_str()).collect();
    match works.len() {
        0 if place.works.is_empty() => "-".to_owned(),
        0 => "none".to_owned(),
        count if count == place.works.len() => "all".to_owned(),
        _ => works.join("+"),
    }
}

/// A word as a shell reads it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.:=,@+%[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", untrusted(word).to_string().replace('\'', "'\\''"))
}

/// Words in lines that a shell reads as one.
fn wrapped(words: &[String]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in words {
        if width > 0 && width + word.len() > 96 {
            text.push_str(" \\\n  ");
            width = 2;
        } else if width > 0 {
            text.push(' ');
        }
        text.push_str(word);
        width += word.len() + 1;
    }
    text
}

/// Names in lines of at most 80 columns.
fn fill(text: &mut String, names: &[&str]) {
    let mut width = 80;
    for name in names {
        if width + name.len() + 2 > 80 {
            text.push_str(if width == 80 { "    " } else { "\n    " });
            width = 4;
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(name);
        width += name.len();
    }
    text.push('\n');
}
