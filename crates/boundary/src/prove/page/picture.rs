//! The figure: the ring in two sizes, what its strokes mean, and the same as tables for those who
//! cannot see it or want all of it.

use super::callouts::Column;
use super::dial::Dial;
use super::grants::{self, Gate};
use super::html::Html;
use super::tally::{self, Class};
use super::words::count;
use super::{Page, attached};

/// The ring, with room for the lists on both sides.
const DIAL: Dial = Dial {
    center: (560.0, 318.0),
    core: 76.0,
    outer: 240.0,
    step: 17.5,
    mark: 17.0,
    label: 270.0,
    letters: (6.7, 6.6),
    name: 14,
    arcs: &[(208.0, 332.0), (28.0, 152.0)],
};

const LEFT: Column = Column { edges: (0.0, 248.0), faces: 180.0 };
const RIGHT: Column = Column { edges: (1120.0, 872.0), faces: 0.0 };

/// Writes the figure.
pub(super) fn write(html: &mut Html, page: &Page<'_>) {
    let classes = tally::classes(page.report);
    let (given, reaching) = (grants::given(page.boundary), grants::reaching(page.boundary));
    attached::dropped(html, page.attached);
    html.raw("<figure id=\"ring\">\n<svg class=\"drawn\" aria-hidden=\"true\">");
    html.raw("<symbol id=\"dial\" viewBox=\"270 28 580 580\">\n");
    DIAL.draw(html, &page.report.evidence, &classes);
    html.raw("</symbol></svg>\n");
    open(html, page, "<svg class=\"wide\" viewBox=\"0 0 1120 636\" ", "wide");
    html.raw("<use href=\"#dial\" x=\"270\" y=\"28\" width=\"580\" height=\"580\"/>\n");
    LEFT.draw(html, &DIAL, &given);
    RIGHT.draw(html, &DIAL, &reaching);
    html.raw("</svg>\n");
    open(html, page, "<svg class=\"narrow\" viewBox=\"0 0 580 580\" ", "narrow");
    html.raw("<use href=\"#dial\" width=\"580\" height=\"580\"/></svg>\n");
    html.raw(include_str!("legend.html"));
    html.raw("</figure>\n<details class=\"tables\"><summary>The picture as tables</summary>\n");
    html.raw("<div class=\"pair\">");
    gates(html, given.iter().chain(&reaching));
    attacks(html, &classes);
    html.raw("</div></details>\n");
}

/// Begins one of the two pictures; `id` tells their titles apart.
fn open(html: &mut Html, page: &Page<'_>, start: &'static str, id: &'static str) {
    let evidence = &page.report.evidence;
    html.raw(start)
        .raw("paint-order=\"stroke\" role=\"img\" aria-labelledby=\"")
        .raw(id)
        .raw("-title ");
    html.raw(id).raw("-desc\"><title id=\"").raw(id).raw("-title\">The service ");
    html.text(&evidence.service).raw(" in its ring</title><desc id=\"").raw(id);
    html.raw("-desc\">");
    let of = |kind: &str| evidence.layers.iter().filter(|layer| layer.state == kind).count();
    let blocked = tally::with(page.report, crate::prove::Verdict::Blocked);
    let through = tally::with(page.report, crate::prove::Verdict::Open);
    html.text(&count(evidence.layers.len(), "layer")).raw(" around it: ").show(of("enforced"));
    html.raw(" enforced, ").show(of("partial")).raw(" partial, ").show(of("absent"));
    html.raw(" absent. Outside, ").text(&count(blocked, "attack")).raw(" refused; ");
    html.show(through).raw(" went through. The tables below the picture say the same.</desc>\n");
}

fn gates<'a>(html: &mut Html, gates: impl Iterator<Item = &'a Gate>) {
    html.raw("<table class=\"gates\"><caption>What the service may do</caption>\n<tbody>");
    for gate in gates {
        html.raw("<tr><th>");
        if gate.entries.is_empty() {
            html.text(gate.none).raw("<td>\n");
            continue;
        }
        html.text(gate.verb).raw("<td><ul>");
        for entry in &gate.entries {
            html.raw("<li><code>").text(entry).raw("</code>");
        }
        html.raw("</ul>\n");
    }
    html.raw("</table>\n");
}

fn attacks(html: &mut Html, classes: &[Class]) {
    html.raw("<table class=\"numbers\"><caption>What was tried against it</caption>\n<thead><tr>");
    html.raw("<th>attacks on<th>refused<th>went through");
    html.raw("<th>not conclusive\n<tbody>");
    for class in classes {
        html.raw("<tr><th>").text(class.id).raw("<td>").show(class.blocked);
        html.raw("<td>").show(class.open).raw("<td>").show(class.inconclusive).raw("\n");
    }
    html.raw("</table>");
}
