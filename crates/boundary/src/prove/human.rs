//! A proof for people: claims in the order of the statement, what is open in full.

use super::report::{ClaimReport, ClaimState, Report};
use super::verdict::{Verdict, describe};
use ringfence_policy::display::untrusted;
use std::fmt::Write as _;

/// Width of a line.
const WIDTH: usize = 80;

impl Report {
    /// The report for people, in lines of at most 80 columns.
    #[must_use]
    pub fn render_human(&self) -> String {
        let mut text = String::new();
        self.render_evidence(&mut text);
        let asked = |claim: &&ClaimReport| claim.state != ClaimState::NotAttacked;
        for claim in self.claims.iter().filter(asked) {
            self.render_claim(claim, &mut text);
        }
        self.render_not_attacked(&mut text);
        let count = |verdict| self.probes.iter().filter(|p| p.verdict == verdict).count();
        let states = |state| self.claims.iter().filter(|claim| claim.state == state).count();
        let _ = writeln!(
            text,
            "\n{} attacks blocked, {} open, {} inconclusive",
            count(Verdict::Blocked),
            count(Verdict::Open),
            count(Verdict::Inconclusive)
        );
        let _ = writeln!(
            text,
            "{} claims proven, {} broken, {} not proven",
            states(ClaimState::Proven),
            states(ClaimState::Broken),
            states(ClaimState::Unproven)
        );
        let left = states(ClaimState::NotAttacked) + states(ClaimState::PartlyAttacked);
        if left > 0 {
            let only = self.only.join(", ");
            wrap(&mut text, "", "  ", &format!("{left} not attacked or in part: only {only}"));
        }
        let accepted = states(ClaimState::Accepted);
        if accepted > 0 {
            let _ = writeln!(text, "{accepted} not held because an accepted layer is absent");
        }
        text.push_str(
            "`--format json` has each attack in words, and what was seen on both sides\n",
        );
        text
    }

    /// The claims that nobody asked for, in one line: in full they would hide the result.
    fn render_not_attacked(&self, text: &mut String) {
        let names = self.not_attacked();
        if !names.is_empty() {
            wrap(text, "\nnot attacked: ", "  ", &names.join(", "));
        }
    }

    fn render_evidence(&self, text: &mut String) {
        let evidence = &self.evidence;
        let short = evidence.boundary.get(..16).unwrap_or(&evidence.boundary);
        let node = evidence.node.as_ref().map(|node| format!(", Node {node}")).unwrap_or_default();
        let head = format!(
            "{} boundary {short}, ringfence {}, {} on {}{node}, user {} inside and {} outside, {}",
            evidence.service,
            evidence.ringfence,
            evidence.kernel,
            untrusted(&evidence.host),
            evidence.users[1],
            evidence.users[0],
            evidence.time,
        );
        wrap(text, "", "  ", &head);
        for answer in &evidence.layers {
            let why = answer.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let line = format!("{:<12} {}{why}", answer.layer, answer.state);
            wrap(text, "  ", "               ", &line);
        }
    }

    fn render_claim(&self, claim: &ClaimReport, text: &mut String) {
        let _ = writeln!(text, "\n{}: {}", claim.claim, claim.state.word());
        for sentence in &claim.sentences {
            wrap(text, "  ", "  ", &sentence.text);
        }
        if let Some(seen) = &claim.seen {
            wrap(text, "    ", "      ", seen);
        }
        let of = self.probes.iter().filter(|probe| probe.claim == claim.claim);
        let (blocked, rest): (Vec<_>, Vec<_>) = of.partition(|p| p.is(Verdict::Blocked));
        let names: Vec<&str> = blocked.iter().map(|probe| probe.probe).collect();
        if !names.is_empty() {
            wrap(text, "    blocked: ", "      ", &names.join(", "));
        }
        let (open, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.is(Verdict::Open));
        for probe in open {
            let what = format!("{}: {}, {}", probe.probe, probe.attack, describe(&probe.inside));
            wrap(text, "    OPEN: ", "      ", &untrusted(&what).to_string());
        }
        if claim.state == ClaimState::NotClaimed {
            return;
        }
        let (absent, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.is_absent());
        let (refused, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|p| p.is_refused_outside());
        for (probes, label) in
            [(absent, "nothing to attack here"), (refused, "refused outside too")]
        {
            let names: Vec<&str> = probes.iter().map(|probe| probe.probe).collect();
            if !names.is_empty() {
                wrap(text, &format!("    {label}: "), "      ", &names.join(", "));
            }
        }
        for probe in rest {
            let what = format!("{}: {}", probe.probe, probe.why);
            wrap(text, "    inconclusive: ", "      ", &untrusted(&what).to_string());
        }
    }
}

/// Writes words in lines of at most 80 columns.
pub(super) fn wrap(text: &mut String, first: &str, rest: &str, words: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}
