//! Explanations drawn for people: calm, short, 80 columns; and as Markdown.

use crate::host::ServiceReport;
use crate::markdown::escape;
use crate::printer::{Printer, Style};
use crate::table::{WIDTH, wrap};
use ringfence_boundary::explain::{Advice, Explanation, LOOKED_FOR, Report};
use ringfence_policy::display::untrusted;
use std::fmt::Write as _;

/// A report for a terminal.
pub(crate) fn human(report: &Report, printer: &Printer) -> String {
    let mut text = String::new();
    if report.explanations.is_empty() {
        let word = printer.paint(Style::Warning, "not recognised");
        let _ = writeln!(text, "{word}: nothing in the text is an error that is known here");
        paragraph(&mut text, 0, &format!("looked for: {LOOKED_FOR}"));
        paragraph(
            &mut text,
            0,
            "`ringfence run --events FILE -- ...` records what is refused; \
             `ringfence explain --event FILE` explains it",
        );
    }
    let several = report.explanations.len() > 1;
    for (index, explanation) in report.explanations.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        one(&mut text, explanation, several.then_some(index + 1), report, printer);
    }
    let granting = report.explanations.iter().filter(|one| !one.grants().is_empty()).count();
    if granting > 1 {
        let heading = format!("all grants together, {}", file(report));
        let _ = writeln!(text, "\n{}", printer.paint(Style::Heading, &heading));
        block(&mut text, &report.lines);
    }
    notes(&mut text, &report.notes, printer);
    text
}

fn one(
    text: &mut String,
    explanation: &Explanation,
    number: Option<usize>,
    report: &Report,
    printer: &Printer,
) {
    let mut heading = explanation.code.id().to_owned();
    if let Some(number) = number {
        heading = format!("{number}. {heading}");
    }
    let mut aside = explanation.confidence.id().to_owned();
    if explanation.count > 1 {
        let _ = write!(aside, ", {} times", explanation.count);
    }
    let _ = writeln!(text, "{} ({aside})", printer.paint(Style::Heading, &heading));
    if !explanation.seen.is_empty() {
        paragraph(text, 2, &format!("> {}", explanation.seen));
    }
    paragraph(text, 2, &opening(&explanation.cause));
    let own = ["application-error", "ringfence-error"].contains(&explanation.code.id());
    if explanation.layer.is_some() || !own {
        let who = explanation.layer.map_or("nobody: this is not the boundary", |layer| layer.id());
        let _ = writeln!(text, "  refused by: {who}");
    }
    advice(text, explanation, report, printer);
    if let Some(manual) = &explanation.manual {
        paragraph(text, 2, manual);
    }
    for other in &explanation.alternatives {
        let label = printer.paint(Style::Note, "or");
        let _ = writeln!(text, "  {label} {} ({}):", other.code.id(), other.confidence.id());
        paragraph(text, 4, &opening(&other.cause));
        match &other.advice {
            Advice::Grant { lines, .. } => {
                paragraph(text, 4, &format!("then {} says:", file(report)));
                for line in lines.lines() {
                    let _ = writeln!(text, "      {line}");
                }
            }
            Advice::Refuse { why, instead } => {
                paragraph(text, 4, &sentence(&format!("do not grant it: {why}")));
                paragraph(text, 4, &sentence(&format!("instead: {instead}")));
            }
            Advice::Other { what } => paragraph(text, 4, &sentence(what)),
        }
    }
}

fn advice(text: &mut String, explanation: &Explanation, report: &Report, printer: &Printer) {
    match &explanation.advice {
        Advice::Grant { lines, note, .. } => {
            let label = printer.paint(Style::Good, "grant:");
            let _ = writeln!(text, "  {label} {}", file(report));
            block(text, lines);
            if !note.is_empty() {
                paragraph(text, 2, &format!("({note})"));
            }
            if let Some(flag) = &explanation.node_flag {
                paragraph(text, 2, &format!("Bare Node has {flag} for it."));
            }
        }
        Advice::Refuse { why, instead } => {
            let label = printer.paint(Style::Bad, "do not grant it:");
            let _ = write!(text, "  {label}");
            hanging(text, 2, "do not grant it:", &sentence(why));
            paragraph(text, 2, &format!("instead: {}", sentence(instead)));
        }
        Advice::Other { what } if what.is_empty() => {}
        Advice::Other { what } => {
            let label = printer.paint(Style::Note, "do:");
            let _ = write!(text, "  {label}");
            hanging(text, 2, "do:", &sentence(what));
        }
    }
}

/// Which file is meant.
fn file(report: &Report) -> String {
    report.boundary.as_deref().unwrap_or("ringfence.toml").to_owned()
}

/// A sentence ends with a period.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', ':', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// The same, with a capital where it begins with a plain word and not with a name.
fn opening(text: &str) -> String {
    const PLAIN: [&str; 17] = [
        "a", "an", "another", "by", "inside", "it", "nobody", "no", "only", "owner", "somebody",
        "the", "there", "this", "what", "where", "without",
    ];
    let sentence = sentence(text);
    let first = sentence.split(' ').next().unwrap_or_default();
    if !PLAIN.contains(&first) {
        return sentence;
    }
    let (head, rest) = sentence.split_at(1);
    format!("{}{rest}", head.to_ascii_uppercase())
}

/// Wrapped text behind an indentation.
fn paragraph(text: &mut String, indent: usize, words: &str) {
    for line in wrap(words, WIDTH - indent) {
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
}

/// Wrapped text behind a label that stands there already.
fn hanging(text: &mut String, indent: usize, label: &str, words: &str) {
    let whole = format!("{label} {words}");
    for (index, line) in wrap(&whole, WIDTH - indent).iter().enumerate() {
        if index == 0 {
            let _ = writeln!(text, "{}", line.strip_prefix(label).unwrap_or(line));
        } else {
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }
}

fn block(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "    {line}");
    }
}

fn notes(text: &mut String, notes: &[String], printer: &Printer) {
    if notes.is_empty() {
        return;
    }
    text.push('\n');
    for note in notes {
        let label = printer.paint(Style::Note, "note:");
        text.push_str(&label);
        hanging(text, 0, "note:", &untrusted(note).to_string());
    }
}

/// A report for an issue or a chat.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    if report.explanations.is_empty() {
        let _ = writeln!(text, "**not recognised.** Looked for: {LOOKED_FOR}.");
    }
    for explanation in &report.explanations {
        let times = if explanation.count > 1 {
            format!(", {} times", explanation.count)
        } else {
            String::new()
        };
        let layer = explanation.layer.map_or("nobody", |layer| layer.id());
        let code = explanation.code.id();
        let _ = writeln!(text, "### {code} ({}{times})\n", explanation.confidence.id());
        let _ = writeln!(text, "{}\n", escape(&opening(&explanation.cause)));
        let _ = writeln!(text, "Refused by: {layer}.\n");
        markdown_advice(&mut text, &explanation.advice);
        if let Some(manual) = &explanation.manual {
            let _ = writeln!(text, "{}\n", escape(manual));
        }
        for other in &explanation.alternatives {
            let _ =
                writeln!(text, "Or **{}**: {}\n", other.code.id(), escape(&opening(&other.cause)));
            markdown_advice(&mut text, &other.advice);
        }
    }
    for note in &report.notes {
        let _ = writeln!(text, "Note: {}\n", escape(&untrusted(note).to_string()));
    }
    text
}

fn markdown_advice(text: &mut String, advice: &Advice) {
    match advice {
        Advice::Grant { lines, note, .. } => {
            let _ = writeln!(text, "```toml\n{lines}```\n");
            if !note.is_empty() {
                let _ = writeln!(text, "{}\n", escape(&sentence(note)));
            }
        }
        Advice::Refuse { why, instead } => {
            let _ = writeln!(text, "Do not grant it: {}", escape(&sentence(why)));
            let _ = writeln!(text, "Instead: {}\n", escape(&sentence(instead)));
        }
        Advice::Other { what } if what.is_empty() => {}
        Advice::Other { what } => {
            let _ = writeln!(text, "{}\n", escape(&sentence(what)));
        }
    }
}

/// What a running service is, for a terminal.
pub(crate) fn service(service: &ServiceReport, printer: &Printer) -> String {
    let mut text = String::new();
    let heading = format!("process {}", service.pid);
    let _ = writeln!(text, "{}", printer.paint(Style::Heading, &heading));
    for fact in &service.facts {
        paragraph(&mut text, 2, &untrusted(fact).to_string());
    }
    text
}

/// What is in force of its boundary: layers that are whole in one line, others with what is seen of
/// them.
pub(crate) fn layers(service: &ServiceReport, printer: &Printer) -> String {
    let mut text = String::new();
    let whole =
        |seen: &str| service.supervisor.is_some() && ["enforced", "not-needed"].contains(&seen);
    let enforced: Vec<String> = service
        .layers
        .iter()
        .filter(|(_, seen)| whole(seen))
        .map(|(layer, seen)| match seen.as_str() {
            "enforced" => layer.clone(),
            _ => format!("{layer} (not needed)"),
        })
        .collect();
    if !service.layers.is_empty() {
        let _ = writeln!(text, "\n{}", printer.paint(Style::Heading, "layers in force"));
    }
    if !enforced.is_empty() {
        paragraph(&mut text, 2, &untrusted(&enforced.join(", ")).to_string());
    }
    for (layer, seen) in service.layers.iter().filter(|(_, seen)| !whole(seen)) {
        let _ = write!(text, "  {:<14}", untrusted(layer).to_string());
        hanging(&mut text, 16, "", &untrusted(seen).to_string());
    }
    notes(&mut text, &service.notes, printer);
    text
}
