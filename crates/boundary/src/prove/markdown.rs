//! A proof for pull requests and tickets: tables, what is open first.
//!
//! Everything that comes from inside the boundary, from the host or from the boundary file is
//! escaped, so that it can neither end a cell nor begin a link, an image or an element of HTML.

use super::report::{ClaimReport, ClaimState, ProbeReport, Report};
use super::verdict::{Verdict, describe};
use ringfence_policy::display::untrusted;
use std::fmt::Write as _;

impl Report {
    /// The report in Markdown.
    #[must_use]
    pub fn render_markdown(&self) -> String {
        let mut text = String::new();
        let service = cell(&self.evidence.service);
        let _ = writeln!(text, "# Proof of the boundary of {service}\n");
        self.summary(&mut text);
        self.evidence_table(&mut text);
        self.open_table(&mut text);
        self.claims_table(&mut text);
        self.inconclusive_table(&mut text);
        text
    }

    fn summary(&self, text: &mut String) {
        let probes = |verdict| self.probes.iter().filter(|probe| probe.is(verdict)).count();
        let claims = |state| self.claims.iter().filter(|claim| claim.state == state).count();
        let _ = writeln!(
            text,
            "**{} open**, {} blocked, {} inconclusive; {} claims proven, **{} broken**, {} not proven.",
            probes(Verdict::Open),
            probes(Verdict::Blocked),
            probes(Verdict::Inconclusive),
            claims(ClaimState::Proven),
            claims(ClaimState::Broken),
            claims(ClaimState::Unproven),
        );
        let accepted = claims(ClaimState::Accepted);
        if accepted > 0 {
            let _ = writeln!(text, "{accepted} not held because an accepted layer is absent.");
        }
        if !self.only.is_empty() {
            let _ = writeln!(text, "Only these classes were attacked: {}.", self.only.join(", "));
        }
    }

    fn evidence_table(&self, text: &mut String) {
        let evidence = &self.evidence;
        let [outside, inside, group] = evidence.users;
        let node = evidence.node.as_deref().unwrap_or("none");
        let rows = [
            ("boundary", format!("`{}`", evidence.boundary)),
            ("time", cell(&evidence.time)),
            ("ringfence", evidence.ringfence.to_owned()),
            ("host", cell(&evidence.host)),
            ("kernel", cell(&evidence.kernel)),
            ("Node", cell(node)),
            ("user", format!("{inside}:{group} inside, {outside} outside")),
        ];
        text.push_str("\n## Evidence\n\n| what | value |\n|---|---|\n");
        for (what, value) in rows {
            let _ = writeln!(text, "| {what} | {value} |");
        }
        for answer in &evidence.layers {
            let why = answer.why.as_ref().map(|why| format!(": {}", cell(why))).unwrap_or_default();
            let _ = writeln!(text, "| layer `{}` | {}{why} |", answer.layer, answer.state);
        }
    }

    fn open_table(&self, text: &mut String) {
        let open: Vec<_> = self.probes.iter().filter(|p| p.is(Verdict::Open)).collect();
        if open.is_empty() {
            return;
        }
        text.push_str(
            "\n## Open\n\n| probe | attack | what happened | claim |\n|---|---|---|---|\n",
        );
        for probe in open {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | `{}` |",
                probe.probe,
                cell(probe.attack),
                cell(&describe(&probe.inside)),
                probe.claim
            );
        }
    }

    fn claims_table(&self, text: &mut String) {
        text.push_str("\n## Claims\n\n| claim | state | blocked |\n|---|---|---|\n");
        let asked = |claim: &&ClaimReport| claim.state != ClaimState::NotAttacked;
        let mut claims: Vec<&ClaimReport> = self.claims.iter().filter(asked).collect();
        claims.sort_by_key(|claim| rank(claim.state));
        for claim in claims {
            let mut sentences: Vec<String> =
                claim.sentences.iter().map(|sentence| cell(&sentence.text)).collect();
            sentences.extend(claim.seen.as_deref().map(cell));
            let of = self.probes.iter().filter(|probe| probe.claim == claim.claim);
            let blocked: Vec<String> = of
                .filter(|probe| probe.is(Verdict::Blocked))
                .map(|probe| format!("`{}`", probe.probe))
                .collect();
            let _ = writeln!(
                text,
                "| `{}`: {} | {} | {} |",
                claim.claim,
                sentences.join("; "),
                claim.state.word(),
                blocked.join(", ")
            );
        }
        let left: Vec<String> = self.not_attacked().iter().map(|id| format!("`{id}`")).collect();
        if !left.is_empty() {
            let _ = writeln!(text, "\nNot attacked: {}.", left.join(", "));
        }
        text.push_str(
            "\n`--format json` has each attack in words, and what was seen on both sides.\n",
        );
    }

    fn inconclusive_table(&self, text: &mut String) {
        let of: Vec<&ProbeReport> =
            self.probes.iter().filter(|probe| probe.is(Verdict::Inconclusive)).collect();
        if of.is_empty() {
            return;
        }
        text.push_str("\n## Not conclusive\n\n| probe | attack | why |\n|---|---|---|\n");
        for probe in of {
            let attack = cell(probe.attack);
            let _ = writeln!(text, "| `{}` | {attack} | {} |", probe.probe, cell(&probe.why));
        }
    }
}

/// Worst first.
const fn rank(state: ClaimState) -> u8 {
    match state {
        ClaimState::Broken => 0,
        ClaimState::Unproven => 1,
        ClaimState::Accepted => 2,
        ClaimState::NotAttacked | ClaimState::PartlyAttacked => 3,
        ClaimState::Proven => 4,
        ClaimState::NothingToAttack => 5,
        ClaimState::NotClaimed => 6,
    }
}

/// Text for one cell.
pub(super) fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in untrusted(text).to_string().chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' | '@' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_attacker_stays_in_its_cell() {
        let hostile = "a|b\n![x](http://y) <img src=x> `c` @team";
        let safe = cell(hostile);
        assert_eq!(safe, r"a\|b\\u{a}\!\[x\](http://y) &lt;img src=x&gt; \`c\` \@team");
    }
}
