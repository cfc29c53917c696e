//! A service unit, and a socket unit where the manager shall open the listeners.
//!
//! Everything a unit can say is said in it, so that what starts the service is held as well; what
//! `ringfence run` needs for itself (namespaces, mounts, an unmasked `/proc`, its own filter) is left
//! to it and explained line by line. With Node as the entry nothing is left out but what V8 cannot do
//! without, and the notes say what is then not enforced. What a unit asks for here is also what
//! `drift` asks of a unit: both read [`settings`].

mod files;
mod network;
mod notes;
mod sandbox;

pub(crate) use files::MANAGED;

use super::{Entry, Order, RenderError, Rendered, Target, shell};
use std::fmt::Write as _;
use std::path::PathBuf;

/// A section of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `[Unit]`
    Unit,
    /// `[Service]`
    Service,
    /// `[Install]`
    Install,
}

impl Section {
    /// Its name, as it stands between the brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit => "Unit",
            Self::Service => "Service",
            Self::Install => "Install",
        }
    }
}

/// One line of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands.
    pub section: Section,
    /// Its name.
    pub key: &'static str,
    /// Its value, quoted where it must be.
    pub value: String,
    /// Stands above it as a comment; empty for none.
    pub comment: String,
}

/// Lines as they are collected.
#[derive(Debug, Default)]
struct Settings(Vec<Setting>);

impl Settings {
    fn add(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.said(key, value, "")
    }

    /// With a comment.
    fn said(&mut self, key: &'static str, value: impl Into<String>, comment: &str) -> &mut Self {
        let section = Section::Service;
        let comment = comment.to_owned();
        self.0.push(Setting { section, key, value: value.into(), comment });
        self
    }

    fn of(&mut self, section: Section, key: &'static str, value: impl Into<String>) {
        self.0.push(Setting { section, key, value: value.into(), comment: String::new() });
    }
}

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let entry = order.entry.unwrap_or(Entry::Ringfence);
    let notes = notes::notes(order, entry);
    let mut unit = order.head("# ", Target::Systemd, &notes);
    let mut last = None;
    for setting in settings(order, entry)? {
        if last != Some(setting.section) {
            let _ = writeln!(unit, "\n[{}]", setting.section.name());
            last = Some(setting.section);
        }
        for line in wrapped(&setting.comment) {
            let _ = writeln!(unit, "# {line}");
        }
        let _ = writeln!(unit, "{}={}", setting.key, setting.value);
    }
    let mut files = vec![(PathBuf::from(format!("{}.service", order.name())), unit)];
    if order.socket_activation {
        files.push((format!("{}.socket", order.name()).into(), network::socket_unit(order)?));
    }
    Ok(Rendered { files, notes })
}

/// Every line of the service unit.
///
/// # Errors
/// A value that no unit can hold.
pub fn settings(order: &Order<'_>, entry: Entry) -> Result<Vec<Setting>, RenderError> {
    let mut unit = Settings::default();
    let name = order.name();
    unit.of(Section::Unit, "Description", format!("{name}, inside its boundary"));
    unit.of(Section::Unit, "Wants", "network-online.target");
    let after = if order.socket_activation {
        unit.of(Section::Unit, "Requires", format!("{name}.socket"));
        format!("network-online.target {name}.socket")
    } else {
        "network-online.target".to_owned()
    };
    unit.of(Section::Unit, "After", after);
    start(&mut unit, order, entry)?;
    files::identity(&mut unit, order);
    files::environment(&mut unit, order, entry)?;
    files::files(&mut unit, order, entry)?;
    sandbox::sandbox(&mut unit, order, entry);
    network::network(&mut unit, order, entry);
    sandbox::limits(&mut unit, order, entry);
    unit.of(Section::Install, "WantedBy", "multi-user.target");
    Ok(unit.0)
}

/// How it starts and stops.
fn start(unit: &mut Settings, order: &Order<'_>, entry: Entry) -> Result<(), RenderError> {
    let service = &order.boundary.service;
    if order.notify {
        unit.add("Type", "notify").said(
            "NotifyAccess",
            "main",
            "what the program says is sent on by `ringfence run`, which is the main process",
        );
    } else {
        unit.add("Type", "exec");
    }
    let command = match entry {
        Entry::Ringfence => order.ringfence_command(),
        Entry::Node => super::node::command(order)?,
    };
    let mut line = String::new();
    for word in &command {
        if !line.is_empty() {
            line.push(' ');
        }
        // Variables are expanded in commands alone.
        line.push_str(&quoted(&word.replace('$', "$$"))?);
    }
    unit.add("ExecStart", line);
    unit.add("WorkingDirectory", folder(&order.path(&service.cwd.value))?);
    // `ringfence run` turns SIGTERM into the signal of the boundary.
    let signal = match entry {
        Entry::Ringfence => "SIGTERM".to_owned(),
        Entry::Node => shell::signal(service.stop_signal),
    };
    unit.add("KillSignal", signal);
    let mixed = "only the first process gets the signal, everything left gets SIGKILL";
    unit.said("KillMode", "mixed", mixed);
    let grace = if entry == Entry::Ringfence { 5 } else { 0 };
    unit.add("TimeoutStopSec", format!("{}s", service.stop_timeout.as_secs().max(1) + grace));
    unit.add("Restart", "on-failure").add("RestartSec", "2s");
    Ok(())
}

/// The value of `WorkingDirectory=`, which systemd takes as it stands but for `%`.
///
/// # Errors
/// What a line cannot hold without quotes.
fn folder(path: &str) -> Result<String, RenderError> {
    if path.trim() != path || path.ends_with('\\') || path.chars().any(char::is_control) {
        return Err(RenderError::Impossible {
            what: format!("service.cwd cannot be written into a unit: {path:?}"),
            hint: "name the folder without a space or a backslash at its end".to_owned(),
        });
    }
    Ok(path.replace('%', "%%"))
}

/// A word of a command or path as systemd reads it back: `%` is doubled, the rest quoted. In a command
/// `$` must be doubled before.
///
/// # Errors
/// A control character, which a unit cannot hold in a form that every version reads back.
fn quoted(word: &str) -> Result<String, RenderError> {
    if word.chars().any(char::is_control) {
        return Err(RenderError::Impossible {
            what: format!("a control character in what a unit has to hold: {word:?}"),
            hint: "take it out of the boundary file".to_owned(),
        });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,~*[]".contains(c);
    let doubled = word.replace('%', "%%");
    if !word.is_empty() && word.chars().all(plain) {
        return Ok(doubled);
    }
    Ok(format!("\"{}\"", doubled.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A comment in lines of at most 96 characters.
fn wrapped(comment: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in comment.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 96 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
