//! `ringfence render`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use ringfence_deploy::render::{self, Entry, MARK, Note, Order, RenderError, Rendered, Target};
use ringfence_policy::display::untrusted;
use ringfence_project::whole;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Write the boundary out for the place it deploys to
///
/// What the target cannot express is named on standard error and in the head of what is written, with
/// what carries it instead. `ringfence drift` compares what is deployed with the boundary.
#[derive(Debug, clap::Args)]
pub(crate) struct Render {
    /// What to write for
    #[arg(value_name = "TARGET", value_parser = targets())]
    target: Target,
    #[command(flatten)]
    config: ConfigOption,
    /// Write the files into this folder instead of standard output
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Overwrite files that ringfence did not write
    #[arg(long, requires = "out")]
    force: bool,
    /// How the service is started: by `ringfence run`, or by Node alone with its own flags. Without it
    /// `node` for the targets node, kubernetes and kubernetes-policy, `ringfence` for all others
    #[arg(long, value_name = "PROGRAM")]
    entry: Option<EntryName>,
    /// Name of the image, with its tag or digest
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// Name of the runtime class (clusters)
    #[arg(long, value_name = "NAME")]
    runtime_class: Option<String>,
    /// Where the folder of the boundary file lies in the target
    #[arg(long, value_name = "DIR", default_value = Order::PLACE)]
    place: String,
    /// The program tells its manager when it is ready (systemd)
    #[arg(long)]
    notify: bool,
    /// Let the manager open the listeners, and write its unit too (systemd)
    #[arg(long)]
    socket_activation: bool,
    #[command(flatten)]
    format: FormatOption,
}

/// What starts the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EntryName {
    Ringfence,
    Node,
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    target: &'static str,
    boundary: &'a str,
    files: Vec<File<'a>>,
    notes: Vec<Carried<'a>>,
}

/// A file.
#[derive(Serialize)]
struct File<'a> {
    path: String,
    text: &'a str,
}

/// What the target does not say.
#[derive(Serialize)]
struct Carried<'a> {
    grant: &'a str,
    carried: &'a str,
}

fn targets() -> impl clap::builder::TypedValueParser<Value = Target> {
    PossibleValuesParser::new(Target::ALL.map(Target::id))
        .try_map(|id| Target::from_id(&id).ok_or("no such target"))
}

impl Render {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let (hash, folder, name) = (file.hash(), file.folder()?, file.name());
        let mut order = Order::new(&file.boundary, &hash, &name, &folder);
        self.fill(&mut order)?;
        let rendered = render::render(self.target, &order).map_err(refused)?;
        if let Some(folder) = &self.out {
            self.write(folder, &rendered)?;
        }
        match self.format.format {
            Format::Human => {
                if self.out.is_none() {
                    printer.text(&joined(&rendered));
                }
                printer.error(&notes(&rendered.notes, printer));
                if let Some(folder) = &self.out {
                    let mut text = String::new();
                    for (path, _) in &rendered.files {
                        let _ =
                            writeln!(text, "{}", untrusted(&folder.join(path).to_string_lossy()));
                    }
                    printer.text(&text);
                }
            }
            Format::Json => format::json(&self.output(&hash, &rendered), printer)?,
        }
        Ok(Finish::Clean)
    }

    fn fill<'a>(&'a self, order: &mut Order<'a>) -> Result<(), CommandError> {
        if !self.place.starts_with('/') || self.place.contains(['\n', '"', '\\', '%', '$']) {
            return Err(CommandError::new(
                Kind::Usage,
                format!("--place is not a plain absolute path: {}", self.place),
            ));
        }
        order.place = self.place.trim_end_matches('/');
        order.image = self.image.as_deref();
        order.runtime_class = self.runtime_class.as_deref();
        order.notify = self.notify;
        order.socket_activation = self.socket_activation;
        for value in [order.image, order.runtime_class].into_iter().flatten() {
            if value.is_empty() || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(CommandError::new(Kind::Usage, format!("not a name: {value}")));
            }
        }
        order.entry = self.entry.map(|entry| match entry {
            EntryName::Ringfence => Entry::Ringfence,
            EntryName::Node => Entry::Node,
        });
        Ok(())
    }

    fn output<'a>(&self, boundary: &'a str, rendered: &'a Rendered) -> Output<'a> {
        let files = rendered.files.iter();
        let notes = rendered.notes.iter();
        Output {
            schema: 1,
            target: self.target.id(),
            boundary,
            files: files
                .map(|(path, text)| File { path: path.to_string_lossy().into_owned(), text })
                .collect(),
            notes: notes
                .map(|note| Carried { grant: &note.grant, carried: &note.carried })
                .collect(),
        }
    }

    /// All files or, when one of them may not be overwritten, none.
    fn write(&self, folder: &Path, rendered: &Rendered) -> Result<(), CommandError> {
        let cannot = |path: &Path, error: &io::Error| {
            CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
                .caused_by(error)
                .hint("name another folder with --out DIR")
        };
        for (path, _) in &rendered.files {
            let path = folder.join(path);
            if !self.force && is_of_somebody_else(&path).map_err(|error| cannot(&path, &error))? {
                let message = format!("{} was not written by ringfence", path.display());
                return Err(CommandError::new(Kind::Usage, message)
                    .hint("name another folder with --out DIR, or overwrite it with --force"));
            }
        }
        for (path, text) in &rendered.files {
            let path = folder.join(path);
            path.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| whole::write(&path, text.as_bytes(), None))
                .map_err(|error| cannot(&path, &error))?;
        }
        Ok(())
    }
}

/// Whether there is something that does not say that it was written here.
fn is_of_somebody_else(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => return Ok(true),
        Ok(_) => {}
    }
    let text = fs::read(path)?;
    Ok(!text.windows(MARK.len()).any(|found| found == MARK.as_bytes()))
}

/// One file as it is; several each behind its name.
fn joined(rendered: &Rendered) -> String {
    if let [(_, text)] = rendered.files.as_slice() {
        return text.clone();
    }
    let mut text = String::new();
    for (path, content) in &rendered.files {
        let comment = if path.extension().is_some_and(|kind| kind == "json") { "//" } else { "#" };
        let space = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{space}{comment} {}", path.display());
        text.push_str(content);
    }
    text
}

fn notes(notes: &[Note], printer: &Printer) -> String {
    let mut text = String::new();
    let label = printer.paint_error(Style::Note, "note:");
    for note in render::grouped(notes) {
        let sentence = format!("{}: {}", untrusted(&note.grant), untrusted(&note.carried));
        for (index, line) in table::wrap(&sentence, table::WIDTH - 6).iter().enumerate() {
            let start = if index == 0 { label.as_str() } else { "     " };
            let _ = writeln!(text, "{start} {line}");
        }
    }
    text
}

fn refused(error: RenderError) -> CommandError {
    match error {
        RenderError::Impossible { what, hint } => {
            let error = CommandError::new(Kind::Configuration, what);
            if hint.is_empty() { error } else { error.hint(hint) }
        }
        RenderError::Unreadable { path, source } => {
            CommandError::new(Kind::Source, format!("cannot read {}", path.display()))
                .caused_by(&source)
        }
    }
}
