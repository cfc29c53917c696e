//! What is left after the proof, in one place: what a reviewer would otherwise have to collect from
//! the evidence of every claim.

use super::claims::told;
use super::html::Html;
use crate::prove::report::{ClaimState, ProbeReport, Report};
use crate::prove::{Outcome, Verdict};
use ringfence_policy::statement::Weight;

/// Why an attack says nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reason {
    /// As a heading.
    title: &'static str,
    /// After a number, in a sentence.
    pub(super) short: &'static str,
    /// How such a probe is told.
    is: fn(&ProbeReport) -> bool,
}

/// The first that fits is the one.
const REASONS: [Reason; 3] = [
    Reason {
        title: "Attacks that do not apply here",
        short: "have nothing to attack on this host or in this boundary",
        is: |probe| {
            [&probe.inside, &probe.outside].iter().any(|a| a.outcome == Outcome::NotApplicable)
        },
    },
    Reason {
        title: "Attacks whose control fails here too",
        short: "fail outside too",
        is: |probe| {
            probe.inside.outcome == Outcome::Failed && probe.outside.outcome != Outcome::Succeeded
        },
    },
    Reason {
        title: "Attacks that ended in an unexpected way",
        short: "ended in an unexpected way",
        is: |_| true,
    },
];

/// Writes the section.
pub(super) fn write(html: &mut Html, report: &Report) {
    html.raw("<section id=\"remains\" aria-labelledby=\"remains-title\">\n");
    html.raw("<h2 id=\"remains-title\">What remains</h2>\n<dl class=\"remains\">\n");
    claims(html, report);
    layers(html, report);
    ways_out(html, report);
    undecided(html, report);
    html.raw("</dl>\n</section>\n");
}

/// Claims that do not hold, or of which it is not known.
fn claims(html: &mut Html, report: &Report) {
    let states = [
        ClaimState::Broken,
        ClaimState::Accepted,
        ClaimState::Unproven,
        ClaimState::PartlyAttacked,
        ClaimState::NotAttacked,
        ClaimState::NothingToAttack,
    ];
    let mut any = false;
    for state in states {
        for (index, claim) in report.claims.iter().filter(|c| c.state == state).enumerate() {
            any = true;
            if index == 0 {
                html.raw("<dt>").raw(told(state).word).raw("<dd>");
            }
            html.raw(if index == 0 { "<a href=\"#" } else { ", <a href=\"#" }).show(claim.claim);
            html.raw("\">").show(claim.claim).raw("</a>");
        }
    }
    if !any {
        html.raw("<dt>Claims<dd>none: each that is made was attacked and held\n");
    }
}

/// Layers that are not wholly in force.
fn layers(html: &mut Html, report: &Report) {
    let lacking = |state: &str| state != "enforced" && state != "not-needed";
    let layers: Vec<_> =
        report.evidence.layers.iter().filter(|layer| lacking(&layer.state)).collect();
    html.raw("<dt>Layers<dd>");
    if layers.is_empty() {
        html.raw("none: each that is needed is enforced");
    }
    for (index, layer) in layers.iter().enumerate() {
        html.raw(if index == 0 { "" } else { ", " }).text(&layer.layer).raw(" is ");
        html.text(&layer.state);
    }
    html.raw("\n");
}

/// Grants through which data or control can leave.
fn ways_out(html: &mut Html, report: &Report) {
    let sentences = report.claims.iter().flat_map(|claim| &claim.sentences);
    let mut first = true;
    for sentence in sentences.filter(|sentence| sentence.weight == Weight::WayOut) {
        html.raw(if first { "<dt>Ways out that are granted" } else { "" });
        html.raw("<dd>").text(&sentence.text).raw("\n");
        first = false;
    }
}

/// Attacks that say nothing, by the reason.
pub(super) fn reasons(report: &Report) -> Vec<(Reason, Vec<&ProbeReport>)> {
    let mut rest: Vec<&ProbeReport> =
        report.probes.iter().filter(|probe| probe.verdict == Verdict::Inconclusive).collect();
    let mut found = Vec::new();
    for reason in REASONS {
        let (these, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|probe| (reason.is)(probe));
        rest = others;
        if !these.is_empty() {
            found.push((reason, these));
        }
    }
    found
}

fn undecided(html: &mut Html, report: &Report) {
    for (reason, probes) in reasons(report) {
        html.raw("<dt>").raw(reason.title).raw("<dd>");
        for (index, probe) in probes.iter().enumerate() {
            html.raw(if index == 0 { "" } else { ", " }).text(probe.probe);
        }
    }
}
