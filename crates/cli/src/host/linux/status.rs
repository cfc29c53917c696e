//! What this host can enforce, drawn for people and written for machines.

use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format};
use crate::printer::{Printer, Style};
use crate::table::{self, Cell};
use crate::verbs::Status;
use ringfence_boundary::status::modules::{self, Module, ModulesError};
use ringfence_boundary::status::{self, LayerReport, Report};
use ringfence_policy::display::untrusted;
use ringfence_policy::layer::Answer;
use serde::Serialize;
use std::fmt::Write as _;

/// The JSON form.
#[derive(Serialize)]
struct Output<'report> {
    #[serde(flatten)]
    report: &'report Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
}

/// A running service.
#[derive(Serialize)]
struct Service {
    pid: u32,
    native_modules: Vec<Module>,
}

/// Probes this host and prints what it found.
pub(crate) fn status(verb: &Status, printer: &mut Printer) -> Result<Finish, CommandError> {
    let service = verb.pid.map(service).transpose()?;
    let report = status::host();
    let finish = match report.absent().next() {
        None => Finish::Clean,
        Some(_) => Finish::Unenforceable,
    };
    match verb.format.format {
        Format::Human => {
            let text = human(&report, service.as_ref(), printer);
            printer.text(&text);
        }
        Format::Json => format::json(&Output { report: &report, service }, printer)?,
    }
    Ok(finish)
}

fn service(pid: u32) -> Result<Service, CommandError> {
    let loaded = modules::loaded(pid).map_err(|error| {
        let hint = match &error {
            ModulesError::NoProcess(_) => "`pgrep -a node` lists the running services",
            ModulesError::Unreadable { .. } => "ask as root, or as the user the service runs as",
        };
        CommandError::new(Kind::Source, "cannot look at the service").caused_by(&error).hint(hint)
    })?;
    Ok(Service { pid, native_modules: loaded })
}

fn human(report: &Report, service: Option<&Service>, printer: &Printer) -> String {
    let mut text = String::new();
    let host = &report.host;
    let who = if host.root { "root".to_owned() } else { format!("user {}", host.uid) };
    let (kernel, groups) = (untrusted(&host.kernel), host.cgroups.describe());
    let _ = writeln!(text, "Linux {kernel}, {groups}, asked as {who}");
    if let Some(container) = &host.container {
        let (kind, trace) = (container.kind, untrusted(&container.trace));
        let _ = writeln!(text, "this looks like a container: {kind} ({trace})");
    }
    text.push('\n');
    let rows: Vec<[Cell; 3]> = report.layers.iter().map(row).collect();
    text.push_str(&table::draw(&rows, printer));
    text.push_str(&events(report, printer));
    text.push_str(&remedies(report, printer));
    if let Some(service) = service {
        text.push_str(&native_modules(service, printer));
    }
    text
}

fn row(layer: &LayerReport) -> [Cell; 3] {
    let (style, word) = match &layer.answer {
        Answer::Absent(_) => (Style::Bad, "absent"),
        Answer::Enforced => (Style::Good, "enforced"),
        Answer::NotNeeded => (Style::Note, "not needed"),
        Answer::Partial(_) => (Style::Warning, "partial"),
    };
    let seen: Vec<&str> = match &layer.answer {
        Answer::Absent(why) | Answer::Partial(why) => vec![why],
        _ if layer.probes.is_empty() => vec!["needs nothing from the host"],
        _ => layer.probes.iter().map(|probe| probe.seen.as_str()).collect(),
    };
    let seen = untrusted(&seen.join("; ")).to_string();
    [Cell::plain(layer.layer.id()), Cell::styled(style, word), Cell::plain(seen)]
}

fn events(report: &Report, printer: &Printer) -> String {
    let mut text = format!("\n{}\n", printer.paint(Style::Heading, "events of refusals"));
    for source in &report.events {
        let word = if source.available { "" } else { "not here: " };
        let line = format!("{} ({word}{})", source.tells, untrusted(&source.why));
        for (index, line) in table::wrap(&line, table::WIDTH - 18).iter().enumerate() {
            let label = if index == 0 { source.source } else { "" };
            let _ = writeln!(text, "  {label:<16}{line}");
        }
    }
    text
}

fn remedies(report: &Report, printer: &Printer) -> String {
    let mut text = String::new();
    for layer in &report.layers {
        for remedy in layer.remedies() {
            if text.is_empty() {
                let heading = printer.paint(Style::Heading, "what to change");
                let _ = writeln!(text, "\n{heading}");
            }
            let remedy = untrusted(remedy).to_string();
            for (index, line) in table::wrap(&remedy, table::WIDTH - 16).iter().enumerate() {
                let label = if index == 0 { layer.layer.id() } else { "" };
                let _ = writeln!(text, "  {label:<14}{line}");
            }
        }
    }
    text
}

fn native_modules(service: &Service, printer: &Printer) -> String {
    let heading = format!("native modules of process {}", service.pid);
    let mut text = format!("\n{}\n", printer.paint(Style::Heading, &heading));
    if service.native_modules.is_empty() {
        text.push_str("  none beside the runtime\n");
    }
    for module in &service.native_modules {
        let _ = writeln!(text, "  {}", untrusted(&module.path));
        match (&module.sha256, &module.unread) {
            (Some(hash), _) => writeln!(text, "    sha256 {hash}"),
            (None, why) => {
                let why = why.as_deref().unwrap_or("it could not be read");
                writeln!(text, "    no hash: {}", untrusted(why))
            }
        }
        .unwrap_or_default();
    }
    text
}
