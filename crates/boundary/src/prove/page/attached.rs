//! The block of a proof that was attached to a running service: which one, what was seen of it from
//! outside, and which attacks met it and which a boundary built anew.

use super::html::Html;
use super::words::count;
use crate::prove::Verdict;
use crate::prove::attach::{AttachReport, Attached, Check};

/// Said wherever the page shows grants of the file that are not all in force any more.
const DROPPED: &str = "Grants were dropped since the service started: what this page shows as \
                       granted is what the boundary file grants, and the running service has less. \
                       The attacks were made with the grants of the file.";

/// Writes what is not as planned of the live service, before anything else.
pub(super) fn alarm(html: &mut Html, attached: Option<&AttachReport>) {
    let checks = attached.map(|attached| attached.checks.as_slice()).unwrap_or_default();
    let open: Vec<&Check> = checks.iter().filter(|check| check.verdict == Verdict::Open).collect();
    if open.is_empty() {
        return;
    }
    html.raw("<section class=\"alarm\" aria-labelledby=\"alarm-live\">\n<h2 id=\"alarm-live\">");
    html.raw("The live service is not as planned</h2>\n<ul>\n");
    for check in open {
        html.raw("<li>").text(check.expects).raw(": <b>").text(&check.seen);
        html.raw("</b> <code>").text(check.check).raw("</code>\n");
    }
    html.raw("</ul>\n</section>\n");
}

/// Writes that grants were dropped, where they were.
pub(super) fn dropped(html: &mut Html, attached: Option<&AttachReport>) {
    if attached.is_some_and(|proof| proof.attached.generation > 0) {
        html.raw("<p class=\"meaning\"><b>").raw(DROPPED).raw("</b>\n");
    }
}

/// Writes the block.
pub(super) fn write(html: &mut Html, attached: Option<&AttachReport>) {
    let Some(AttachReport { attached, checks, .. }) = attached else { return };
    html.raw("<section id=\"attached\" aria-labelledby=\"attached-title\">\n");
    html.raw("<h2 id=\"attached-title\">Attached to process ").show(attached.program);
    html.raw("</h2>\n<p class=\"lead\">Its supervisor is process ").show(attached.supervisor);
    html.raw(". What follows was seen of the live service from outside, while it ran.\n");
    seen(html, checks);
    html.raw("<p class=\"meaning\">Which rules of Landlock and which filter a process has cannot ");
    html.raw("be read from outside; that a filter is on every process can.\n");
    attacks(html, attached);
    html.raw("</section>\n");
}

fn seen(html: &mut Html, checks: &[Check]) {
    html.raw("<table class=\"evidence\"><thead><tr><th>Of the live service<th>Verdict<th>Seen");
    html.raw("\n<tbody>");
    for check in checks {
        let (row, verdict) = match check.verdict {
            Verdict::Blocked => ("<tr>", "as planned"),
            Verdict::Inconclusive => ("<tr class=\"unsure\">", "could not be seen"),
            Verdict::Open => ("<tr class=\"open\">", "NOT as planned"),
        };
        html.raw(row).raw("<th>").text(check.expects).raw(" <code>").text(check.check);
        html.raw("</code><td>").raw(verdict).raw("<td>").text(&check.seen).raw("\n");
    }
    html.raw("</table>\n");
}

fn attacks(html: &mut Html, attached: &Attached) {
    let parts = [
        (
            &attached.beside,
            " in the live service's own namespaces and root, with identity, Landlock, filter, broker \
             and limits built anew from the same plan",
        ),
        (&attached.anew, " in a boundary built anew as a whole, which the live service is not in"),
    ];
    for (probes, place) in parts {
        html.raw("<details><summary>").text(&count(probes.len(), "attack")).raw(place);
        html.raw("</summary><p>");
        for (index, probe) in probes.iter().enumerate() {
            html.raw(if index == 0 { "" } else { ", " }).text(probe);
        }
        html.raw("</details>\n");
    }
}
