//! What each layer of this host answered, and what the runtime was granted besides the file.

use super::dial;
use super::html::Html;
use super::tally;
use super::{Page, RuntimeGrant, attached};
use ringfence_policy::layer::Layer;

/// Writes the table of layers.
pub(super) fn write(html: &mut Html, page: &Page<'_>) {
    let report = page.report;
    html.raw("<section id=\"layers\" aria-labelledby=\"layers-title\">\n");
    html.raw("<h2 id=\"layers-title\">Layers on this host</h2>\n");
    html.raw("<table class=\"layers\"><thead><tr><th>Layer<th>Answer");
    html.raw("<th>What it does, and what is missing<th>Attacks it stood ");
    html.raw("in the way of\n<tbody>");
    for layer in Layer::ALL {
        let answer = report.evidence.layers.iter().find(|answer| answer.layer == layer.id());
        let (kind, state) = dial::state(answer);
        html.raw("<tr><th>").show(layer).raw("<td><span class=\"answer ").raw(kind);
        html.raw("\">").text(state).raw("</span><td>").raw(purpose(layer));
        if let Some(why) = answer.and_then(|answer| answer.why.as_ref()) {
            html.raw("<br><b>Missing:</b> ").text(why);
        }
        html.raw("<td>").show(tally::stopped_by(report, layer)).raw("\n");
    }
    html.raw("</table>\n</section>\n");
}

/// What a layer does, for a reader who meets its name here.
const fn purpose(layer: Layer) -> &'static str {
    match layer {
        Layer::Broker => "Opens granted sockets outside and hands them in; refuses all others.",
        Layer::Cgroup => "Limits memory, processes and processor time of the whole tree.",
        Layer::Environment => "Passes the listed variables and removes the rest.",
        Layer::Identity => "Runs as an ordinary user without capabilities or extra groups.",
        Layer::Landlock => "The kernel checks each path and port against the grants.",
        Layer::Namespaces => "Only what is granted exists: files, processes, network, mounts.",
        Layer::NodeFlags => "Node's own permission model, as a first and weak fence.",
        Layer::Rlimits => "Limits open files and file sizes; no core dumps.",
        Layer::Seccomp => "Refuses system calls that the service does not need.",
    }
}

/// Writes the boundary in sentences.
pub(super) fn write_statement(html: &mut Html, page: &Page<'_>) {
    html.raw("<section id=\"statement\" aria-labelledby=\"statement-title\">\n");
    html.raw("<h2 id=\"statement-title\">The boundary in sentences</h2>\n");
    attached::dropped(html, page.attached);
    html.raw("<p class=\"lead\">The service ")
        .text(&page.report.evidence.service)
        .raw("\n<ul class=\"sentences\">\n");
    for sentence in page.report.claims.iter().flat_map(|claim| &claim.sentences) {
        html.raw("<li>");
        super::claims::write_sentence(html, sentence);
        html.raw("\n");
    }
    html.raw("</ul>\n");
    runtime(html, page.runtime);
    html.raw("</section>\n");
}

/// What the runtime is granted, by what needs it.
fn runtime(html: &mut Html, grants: &[RuntimeGrant]) {
    let mut kinds: Vec<(&str, &'static str)> = Vec::new();
    for grant in grants {
        let kind = (grant.why.as_str(), grant.access);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() {
        return;
    }
    html.raw("<details><summary>What its runtime is granted besides, and may not write (");
    html.show(grants.len()).raw(")</summary>\n<table class=\"gates\"><thead><tr><th>Needed by");
    html.raw("<th>It may<th>Paths\n<tbody>");
    for kind in kinds {
        html.raw("<tr><th>").text(kind.0).raw("<td>").raw(kind.1).raw("<td><ul>");
        for grant in grants.iter().filter(|grant| (grant.why.as_str(), grant.access) == kind) {
            html.raw("<li><code>").text(&grant.path).raw("</code>");
        }
        html.raw("</ul>\n");
    }
    html.raw("</table></details>\n");
}
