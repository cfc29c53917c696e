//! `ringfence diff`

use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::markdown::escape;
use crate::mistake::Mistake;
use crate::printer::{Printer, Style};
use crate::revision;
use crate::settings::{self, FILE_NAME, Source};
use crate::table;
use ringfence_policy::diff::{self, Change, Effect};
use ringfence_policy::model::Boundary;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Say what a change of the boundary file widens
///
/// OLD and NEW are files or git revisions: `ringfence diff main ringfence.toml`. A revision may name
/// its file (main:services/orders/ringfence.toml); without one it is the other side's, else
/// ringfence.toml here. Exits 1 when the boundary is widened by anything that --allow does not list.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The boundary as it was: a file, a git revision, or REVISION:PATH
    #[arg(value_name = "OLD", value_hint = clap::ValueHint::FilePath)]
    old: String,
    /// The boundary as it shall be
    #[arg(value_name = "NEW", value_hint = clap::ValueHint::FilePath)]
    new: String,
    /// A list of accepted changes: a line each, as this command prints them; # begins a comment
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    allow: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: DiffFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DiffFormat {
    Human,
    Json,
    Markdown,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    old: String,
    new: String,
    /// Whether anything is widened that was not allowed.
    widened: bool,
    changes: Vec<Judged<'a>>,
    /// Lines of the list that no change needs.
    unused: &'a [String],
}

/// A change, and whether the list accepts it.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    change: &'a Change,
    line: String,
    allowed: bool,
}

impl Diff {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let old = load(&self.old, &self.new)?;
        let new = load(&self.new, &self.old)?;
        let mut allowed = match &self.allow {
            Some(path) => accepted(path)?,
            None => BTreeSet::new(),
        };
        let changes = diff::diff(&parse(&old)?, &parse(&new)?);
        let judged: Vec<Judged<'_>> = changes
            .iter()
            .map(|change| {
                let line = change.line();
                let allowed = change.effect == Effect::Widened && allowed.contains(&line);
                Judged { change, line, allowed }
            })
            .collect();
        for change in judged.iter().filter(|change| change.allowed) {
            allowed.remove(&change.line);
        }
        let unused: Vec<String> = allowed.into_iter().collect();
        let open = |one: &Judged<'_>| one.change.effect == Effect::Widened && !one.allowed;
        let widened = judged.iter().any(open);
        let show = |source: &Source| source.path.display().to_string();
        match self.format {
            DiffFormat::Human => printer.text(&human(&judged, &unused, printer)),
            DiffFormat::Markdown => printer.text(&markdown(&judged, &unused)),
            DiffFormat::Json => {
                let (old, new) = (show(&old), show(&new));
                let output =
                    Output { schema: 1, old, new, widened, changes: judged, unused: &unused };
                format::json(&output, printer)?;
            }
        }
        Ok(if widened { Finish::Findings } else { Finish::Clean })
    }
}

/// A file where there is one, else a revision.
fn load(side: &str, other: &str) -> Result<Source, CommandError> {
    let path = Path::new(side);
    if std::fs::symlink_metadata(path).is_ok() {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        return settings::source(path);
    }
    if side.starts_with('-') || side.is_empty() {
        return Err(CommandError::new(
            Kind::Usage,
            "neither a file nor a revision: it begins with -",
        ));
    }
    // A path that is not there is a mistyped path, not a revision.
    if !side.contains(':')
        && (path.extension().is_some_and(|kind| kind == "toml") || side.starts_with(['.', '/']))
    {
        return settings::source(path.to_owned());
    }
    match side.split_once(':') {
        Some((name, path)) => revision::read(name, Path::new(path)),
        None if Path::new(other).is_file() => revision::read(side, Path::new(other)),
        None => revision::read(side, Path::new(FILE_NAME)),
    }
}

fn parse(source: &Source) -> Result<Boundary, CommandError> {
    ringfence_policy::parse(&source.path.to_string_lossy(), &source.text).map_err(|diagnostics| {
        let mistakes = diagnostics.into_iter().map(Mistake::from).collect();
        CommandError::mistaken(Kind::Configuration, &source.path, mistakes)
    })
}

/// The lines of a list of accepted changes.
fn accepted(path: &Path) -> Result<BTreeSet<String>, CommandError> {
    let text = settings::source(path.to_owned())?.text;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.lines().map(|line| words(line.split(" #").next().unwrap_or(line)));
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect())
}

/// A line for each count: `2 widened (1 allowed), 1 narrowed`.
fn summary(changes: &[Judged<'_>]) -> String {
    let count = |effect| changes.iter().filter(|one| one.change.effect == effect).count();
    let allowed = changes.iter().filter(|one| one.allowed).count();
    let widened = match allowed {
        0 => format!("{} widened", count(Effect::Widened)),
        allowed => format!("{} widened ({allowed} allowed)", count(Effect::Widened)),
    };
    format!("{widened}, {} narrowed, {} moved", count(Effect::Narrowed), count(Effect::Moved))
}

fn human(changes: &[Judged<'_>], unused: &[String], printer: &Printer) -> String {
    let mut text = String::new();
    if changes.is_empty() {
        text.push_str("both let the service do the same\n");
    }
    for effect in [Effect::Widened, Effect::Narrowed, Effect::Moved] {
        let of: Vec<_> = changes.iter().filter(|one| one.change.effect == effect).collect();
        if of.is_empty() {
            continue;
        }
        let style = if effect == Effect::Widened { Style::Bad } else { Style::Heading };
        let _ = writeln!(text, "{}", printer.paint(style, effect.word()));
        for one in of {
            let label = if one.allowed { " (allowed)" } else { "" };
            let _ = writeln!(text, "  {}{label}", one.line);
            for line in table::wrap(&one.change.sentence, table::WIDTH - 6) {
                let _ = writeln!(text, "      {line}");
            }
            for way in &one.change.ways_out {
                for line in table::wrap(&format!("note: {way}"), table::WIDTH - 6) {
                    let _ = writeln!(text, "      {line}");
                }
            }
        }
    }
    if !changes.is_empty() {
        let _ = writeln!(text, "\n{}", summary(changes));
    }
    for line in unused {
        let _ = writeln!(text, "note: nothing needs this line of the list any more: {line}");
    }
    text
}

fn markdown(changes: &[Judged<'_>], unused: &[String]) -> String {
    let mut text = String::from("### Boundary\n\n");
    if changes.is_empty() {
        text.push_str("Both let the service do the same.\n");
        return text;
    }
    let _ = writeln!(text, "{}\n\n| | key | the service |\n|---|---|---|", summary(changes));
    for one in changes {
        let word = match (one.change.effect, one.allowed) {
            (Effect::Widened, false) => "**widened**".to_owned(),
            (Effect::Widened, true) => "widened, allowed".to_owned(),
            (effect, _) => effect.word().to_owned(),
        };
        let mut sentence = escape(&one.change.sentence);
        for way in &one.change.ways_out {
            let _ = write!(sentence, "<br>note: {}", escape(way));
        }
        let _ = writeln!(text, "| {word} | {} | {sentence} |", escape(&one.line));
    }
    for line in unused {
        let _ = writeln!(text, "\nNothing needs this line of the list any more: {}", escape(line));
    }
    text
}
