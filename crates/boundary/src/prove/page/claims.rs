//! The claims, what became of each, and every attack on it with what was seen on both sides.

use super::dial::state;
use super::html::Html;
use super::words::{clip, count};
use crate::prove::report::{ClaimReport, ClaimState, ProbeReport, Report};
use crate::prove::verdict::describe;
use crate::prove::{Attempt, Outcome, Verdict};
use ringfence_policy::statement::{Claim, Sentence, Weight};

/// How a state is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Class in the style sheet, and value of the filter.
    pub(super) key: &'static str,
    /// In one or two words.
    pub(super) word: &'static str,
    /// In a sentence.
    pub(super) meaning: &'static str,
}

/// Every state, the worst first: the order of the page.
pub(super) const STATES: [ClaimState; 8] = [
    ClaimState::Broken,
    ClaimState::Accepted,
    ClaimState::Unproven,
    ClaimState::PartlyAttacked,
    ClaimState::NotAttacked,
    ClaimState::NothingToAttack,
    ClaimState::Proven,
    ClaimState::NotClaimed,
];

/// How a state is told.
pub(super) const fn told(state: ClaimState) -> Told {
    let (key, word, meaning) = match state {
        ClaimState::Accepted => (
            "accepted",
            "Not held, accepted",
            "An attack went through that only a layer stops which this host does not give, and \
             the boundary file accepts that.",
        ),
        ClaimState::Broken => ("broken", "Broken", "At least one attack went through."),
        ClaimState::NotAttacked => {
            ("not-attacked", "Not attacked", "None of its attacks was asked for.")
        }
        ClaimState::NotClaimed => {
            ("none", "Not claimed", "The boundary allows this or leaves it open.")
        }
        ClaimState::NothingToAttack => {
            ("nothing", "Nothing to attack", "This host has nothing to attack it with.")
        }
        ClaimState::PartlyAttacked => (
            "partly",
            "Partly attacked",
            "What was attacked held, but some of its attacks were not asked for.",
        ),
        ClaimState::Proven => {
            ("proven", "Proven", "Every conclusive attack was refused, and its control succeeded.")
        }
        ClaimState::Unproven => ("unproven", "Not proven", "No attack on it was conclusive here."),
    };
    Told { key, word, meaning }
}

/// Writes the section: the filter, then every claim, the broken ones first.
pub(super) fn write(html: &mut Html, report: &Report) {
    html.raw("<section id=\"claims\" aria-labelledby=\"claims-title\">\n");
    html.raw("<h2 id=\"claims-title\">Claims and evidence</h2>\n");
    html.raw(concat!(
        "<p class=\"lead\">Each attack is made twice: inside the boundary, and outside as its control. ",
        "It counts as refused only where it fails inside in an expected way <em>and</em> its control ",
        "succeeds. Attacks marked <i>canary</i> misuse a grant that was added for them.\n"
    ));
    filter(html, report);
    for state in STATES {
        for claim in report.claims.iter().filter(|claim| claim.state == state) {
            write_claim(html, report, claim);
        }
    }
    unclaimed(html, report);
    html.raw("</section>\n");
}

/// One choice for each state that occurs. Without support for it every claim is shown.
fn filter(html: &mut Html, report: &Report) {
    html.raw("<fieldset class=\"filter\"><legend>Show</legend>\n");
    html.raw("<label><input type=\"radio\" name=\"show\" value=\"all\" checked> All <b>");
    html.show(report.claims.len()).raw("</b></label>\n");
    for state in STATES {
        let told = told(state);
        let number = report.claims.iter().filter(|claim| claim.state == state).count();
        if number > 0 {
            html.raw("<label><input type=\"radio\" name=\"show\" value=\"").raw(told.key);
            html.raw("\"> ").raw(told.word).raw(" <b>").show(number).raw("</b></label>\n");
        }
    }
    html.raw("<label class=\"unfold\"><input type=\"checkbox\" name=\"unfold\"> ");
    html.raw("Unfold all evidence</label>\n</fieldset>\n");
}

fn write_claim(html: &mut Html, report: &Report, claim: &ClaimReport) {
    let told = told(claim.state);
    html.raw("<article class=\"claim ").raw(told.key).raw("\" id=\"").show(claim.claim);
    html.raw("\">\n<div class=\"mark\"><strong class=\"state\">").raw(told.word);
    html.raw("</strong><h3><a href=\"#").show(claim.claim).raw("\">").show(claim.claim);
    html.raw("</a></h3>");
    if claim.state != ClaimState::NotClaimed {
        carried(html, report, claim.claim);
    }
    html.raw("</div>\n<div class=\"body\">");
    for sentence in &claim.sentences {
        html.raw("<p>");
        write_sentence(html, sentence);
    }
    if let Some(seen) = &claim.seen {
        html.raw("<p>").text(seen);
    }
    html.raw("\n");
    if claim.state != ClaimState::Proven {
        html.raw("<p class=\"meaning\">").raw(told.meaning).raw("\n");
    }
    let probes: Vec<&ProbeReport> =
        report.probes.iter().filter(|probe| probe.claim == claim.claim).collect();
    if !probes.is_empty() {
        let unfolded = matches!(claim.state, ClaimState::Broken | ClaimState::Unproven);
        html.raw(if unfolded { "<details open>" } else { "<details>" });
        html.raw("<summary>").text(&summary(claim)).raw("</summary>\n");
        evidence(html, probes);
        html.raw("</details>\n");
    }
    html.raw("</div></article>\n");
}

/// The layers that hold a claim, with what this host says where it is not the whole of it.
fn carried(html: &mut Html, report: &Report, claim: Claim) {
    for (index, layer) in claim.carried_by().iter().enumerate() {
        html.raw(if index == 0 { "<p class=\"by\">held by " } else { ", " }).show(layer);
        let answers = &report.evidence.layers;
        let answer = answers.iter().find(|answer| answer.layer == layer.id());
        match state(answer) {
            ("enforced" | "not-needed", _) => {}
            (_, words) => {
                html.raw(" <b>(").text(words).raw(")</b>");
            }
        }
    }
}

/// The sentence as it stands in the statement, with what it is where it claims nothing.
pub(super) fn write_sentence(html: &mut Html, sentence: &Sentence) {
    html.raw(match sentence.weight {
        Weight::Claim => "",
        Weight::Note => "<span class=\"note\">Note</span> ",
        Weight::WayOut => "<span class=\"note way-out\">Way out</span> ",
    });
    html.text(&sentence.text);
}

fn summary(claim: &ClaimReport) -> String {
    let [blocked, inconclusive, open] = claim.counts;
    let parts = [
        (open, "went through"),
        (blocked, "refused"),
        (inconclusive, "not conclusive"),
        (claim.not_run, "not asked for"),
    ];
    let mut told = parts.into_iter().filter(|(number, _)| *number > 0);
    let Some((number, what)) = told.next() else { return "no attacks".to_owned() };
    let first = format!("{} {what}", count(number, "attack"));
    told.fold(first, |text, (number, what)| format!("{text}, {number} {what}"))
}

/// Attacks on what this boundary says nothing about; a proof leaves nothing out.
fn unclaimed(html: &mut Html, report: &Report) {
    let claimed =
        |probe: &&ProbeReport| !report.claims.iter().any(|claim| claim.claim == probe.claim);
    let rest: Vec<&ProbeReport> = report.probes.iter().filter(claimed).collect();
    if rest.is_empty() {
        return;
    }
    html.raw("<article class=\"claim other\"><div class=\"mark\"><h3>Other attacks</h3></div>");
    html.raw("<div class=\"body\"><p>The boundary says nothing about what these attack.\n");
    html.raw("<details><summary>").text(&count(rest.len(), "attack")).raw("</summary>\n");
    evidence(html, rest);
    html.raw("</details></div></article>\n");
}

/// One row for each attack: those that went through first, those that say nothing last.
fn evidence(html: &mut Html, mut probes: Vec<&ProbeReport>) {
    probes.sort_by_key(|probe| match probe.verdict {
        Verdict::Open => 0,
        Verdict::Blocked => 1,
        Verdict::Inconclusive => 2,
    });
    html.raw("<table class=\"evidence\"><thead><tr><th>Attack<th>Verdict");
    html.raw("<th>Inside<th>Outside<th>In its way\n<tbody>");
    for probe in probes {
        let (row, verdict) = match probe.verdict {
            Verdict::Open => ("<tr class=\"open\">", "went through"),
            Verdict::Blocked => ("<tr>", "refused"),
            Verdict::Inconclusive => ("<tr class=\"unsure\">", "not conclusive"),
        };
        html.raw(row).raw("<th>").text(probe.attack).raw(" <code>");
        html.text(probe.probe).raw("</code>");
        html.raw(if probe.canary_grants { " <i>canary</i>" } else { "" });
        html.raw("<td>").raw(verdict);
        // The rest of the reason is in the columns of the two sides.
        if let Some((why, _)) = probe.why.split_once(':') {
            html.raw(": ").text(why);
        }
        html.raw("<td>");
        seen(html, &probe.inside);
        flagged(html, probe);
        html.raw("<td>");
        // Without it there would be no such verdict.
        if probe.verdict == Verdict::Blocked {
            html.text(&words(&probe.outside));
        } else {
            seen(html, &probe.outside);
        }
        html.raw("<td>");
        for (index, layer) in probe.layers.iter().enumerate() {
            html.raw(if index == 0 { "" } else { ", " }).show(layer);
        }
        html.raw("\n");
    }
    html.raw("</table>\n");
}

/// What Node's own flags did with a script, where that differs from what is judged.
fn flagged(html: &mut Html, probe: &ProbeReport) {
    if let Some(flagged) = &probe.inside_with_node_flags
        && (flagged.outcome != probe.inside.outcome || flagged.code != probe.inside.code)
    {
        html.raw("<br>with Node's flags: ");
        match flagged.code.as_str() {
            "" => seen(html, flagged),
            code => {
                html.text(code);
            }
        }
    }
}

fn seen(html: &mut Html, attempt: &Attempt) {
    match attempt.outcome {
        Outcome::Succeeded => html.raw("<b>it worked</b>: "),
        Outcome::NotApplicable => html.raw("does not apply: "),
        Outcome::TimedOut => html.raw("no end: "),
        Outcome::Failed | Outcome::Nothing => html.raw(""),
    };
    html.text(&words(attempt));
}

/// Letters of what was seen; the JSON form has all of it.
const SEEN: usize = 160;

/// Code and words of an attempt; Node's own messages begin with the code.
pub(super) fn words(attempt: &Attempt) -> String {
    let words = if !attempt.code.is_empty() && attempt.detail.starts_with(&attempt.code) {
        attempt.detail.clone()
    } else {
        describe(attempt)
    };
    clip(&without_random(&words), SEEN)
}

/// Without the random part of the names of the canaries of one run, which says nothing to a reader.
fn without_random(words: &str) -> String {
    const MARK: &str = "/ringfence-prove-";
    let mut parts = words.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(MARK);
        text.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_part_of_a_canary_is_left_out_and_the_rest_stays() {
        let shown = without_random("open '/var/tmp/ringfence-prove-ce9b0a39fa92/outside/canary'");
        assert_eq!(shown, "open '/var/tmp/ringfence-prove-/outside/canary'");
        assert_eq!(without_random("/etc/passwd: denied"), "/etc/passwd: denied");
    }
}
