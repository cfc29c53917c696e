//! The head of the page: what the proof came to, in one line and in numbers, and where and with
//! what it was made.

use super::claims::{STATES, told, words};
use super::html::Html;
use super::tally;
use super::words::count;
use super::{Page, attached, remains};
use crate::prove::report::{ClaimReport, ClaimState, ProbeReport};
use crate::prove::{Report, Verdict};
use std::fmt::Write as _;

/// Writes the head.
pub(super) fn write(html: &mut Html, page: &Page<'_>) {
    let report = page.report;
    let (kind, verdict) = outcome(page);
    html.raw("<header class=\"")
        .raw(kind)
        .raw("\">\n<p class=\"kicker\">Evidence of a proof\n<h1>");
    html.text(&report.evidence.service).raw(" <span>").raw(verdict).raw("</span></h1>\n");
    html.raw("<p class=\"lead\">").text(&sentence(report)).raw("\n");
    attached::dropped(html, page.attached);
    attached::alarm(html, page.attached);
    broken(html, report);
    numbers(html, report);
    facts(html, page);
    html.raw("</header>\n");
}

/// The outcome as a class of the style sheet and as the rest of the title.
fn outcome(page: &Page<'_>) -> (&'static str, &'static str) {
    let report = page.report;
    match page.exit_code() {
        0 if !report.only.is_empty() => {
            ("unproven", "stayed inside its boundary, as far as it was attacked")
        }
        0 if states(report, ClaimState::Accepted) > 0 => {
            ("unproven", "stayed inside its boundary, but for what its file accepts")
        }
        0 => ("proven", "stayed inside its boundary"),
        1 => ("broken", "got out of its boundary"),
        _ => ("unproven", "is not fully proven to stay inside its boundary"),
    }
}

fn sentence(report: &Report) -> String {
    let attacks = count(report.probes.len(), "attack");
    let blocked = tally::with(report, Verdict::Blocked);
    let through = match tally::with(report, Verdict::Open) {
        0 => "none went through".to_owned(),
        open => format!("{open} went through"),
    };
    let mut sentence = format!("Of {attacks}, {blocked} were refused; {through}.");
    let undecided = tally::with(report, Verdict::Inconclusive);
    if undecided > 0 {
        let reasons: Vec<String> = remains::reasons(report)
            .into_iter()
            .map(|(why, probes)| format!("{} {}", probes.len(), why.short))
            .collect();
        let reasons = reasons.join(", ");
        let _ = write!(sentence, " {undecided} could not be decided here: {reasons}.");
    }
    let accepted = states(report, ClaimState::Accepted);
    if accepted > 0 {
        let claims = count(accepted, "claim");
        let _ = write!(sentence, " {claims} not held, which the boundary file accepts.");
    }
    let unproven = states(report, ClaimState::Unproven);
    if unproven > 0 {
        let _ = write!(sentence, " {} without a conclusive attack.", count(unproven, "claim"));
    }
    if !report.only.is_empty() {
        let only = report.only.join(", ");
        let _ = write!(sentence, " This proof is a part: it attacked only {only}.");
    }
    sentence
}

/// What is broken, before anything else.
fn broken(html: &mut Html, report: &Report) {
    let claims: Vec<&ClaimReport> =
        report.claims.iter().filter(|claim| claim.state == ClaimState::Broken).collect();
    if claims.is_empty() {
        return;
    }
    html.raw("<section class=\"alarm\" aria-labelledby=\"alarm\">\n<h2 id=\"alarm\">");
    html.text(&count(claims.len(), "claim")).raw(" broken</h2>\n<ul>\n");
    for claim in claims {
        html.raw("<li><a href=\"#").show(claim.claim).raw("\">").show(claim.claim).raw("</a>");
        if let Some(sentence) = claim.sentences.first() {
            html.raw(": the service <q>").text(&sentence.text).raw("</q>, but");
        }
        html.raw("<ul>\n");
        let open =
            |probe: &&ProbeReport| probe.claim == claim.claim && probe.verdict == Verdict::Open;
        let mut any = false;
        for probe in report.probes.iter().filter(open) {
            any = true;
            html.raw("<li>").text(probe.attack).raw(": <b>").text(&words(&probe.inside));
            html.raw("</b> <code>").text(probe.probe).raw("</code>\n");
        }
        if !any {
            html.raw("<li>a layer that it promises was absent\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("</ul>\n</section>\n");
}

fn states(report: &Report, state: ClaimState) -> usize {
    report.claims.iter().filter(|claim| claim.state == state).count()
}

fn numbers(html: &mut Html, report: &Report) {
    html.raw("<dl class=\"numbers\">\n");
    for state in STATES {
        let told = told(state);
        let number = states(report, state);
        let always =
            matches!(state, ClaimState::Broken | ClaimState::Unproven | ClaimState::Proven);
        if number > 0 || always {
            let quiet = if number == 0 { " zero" } else { "" };
            html.raw("<div class=\"").raw(told.key).raw(quiet).raw("\"><dt>").raw(told.word);
            html.raw("<dd>").show(number).raw("</div>\n");
        }
    }
    let verdicts = [
        (Verdict::Blocked, "Attacks refused", "refused"),
        (Verdict::Open, "Went through", "open"),
        (Verdict::Inconclusive, "Could not be decided", "unsure"),
    ];
    for (verdict, word, kind) in verdicts {
        let number = tally::with(report, verdict);
        let quiet = if number == 0 { " zero" } else { "" };
        html.raw("<div class=\"attacks ").raw(kind).raw(quiet).raw("\"><dt>").raw(word);
        html.raw("<dd>").show(number).raw("</div>\n");
    }
    html.raw("</dl>\n");
}

/// A time as people write it: to the second.
fn when(made: &str) -> String {
    match made.split_once('T') {
        Some((date, time)) if time.ends_with('Z') && time.is_ascii() => {
            format!("{date} {} UTC", time.get(..8).unwrap_or(time))
        }
        _ => made.to_owned(),
    }
}

fn facts(html: &mut Html, page: &Page<'_>) {
    let evidence = &page.report.evidence;
    let [outside, user, group] = evidence.users;
    let node = evidence.node.as_deref().unwrap_or("none: the program is not Node");
    let inside = format!("{user}, group {group}");
    let outside = if outside == 0 { "root".to_owned() } else { format!("user {outside}") };
    html.raw("<dl class=\"facts\">\n");
    let rows: [(&'static str, &str); 8] = [
        ("Boundary file, SHA-256", &evidence.boundary),
        ("Made", &when(&evidence.time)),
        ("Host", &evidence.host),
        ("Kernel", &evidence.kernel),
        ("Node", node),
        ("ringfence", evidence.ringfence),
        ("The service runs as user", &inside),
        ("Attacks outside ran as", &outside),
    ];
    for (term, value) in rows {
        html.raw("<div><dt>").raw(term).raw("<dd>").text(value).raw("</div>\n");
    }
    if let Some(digest) = page.digest() {
        html.raw("<div><dt>This proof as <code>--format json</code> prints it, SHA-256<dd>")
            .text(&digest)
            .raw("</div>\n");
    }
    html.raw("</dl>\n");
}
