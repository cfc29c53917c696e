//! `ringfence check-config`

use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish};
use crate::format::{self, Format, FormatOption};
use crate::host::{self, Fit};
use crate::mistake::Mistake;
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use crate::table;
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;

/// Check a boundary file without starting anything
///
/// The file is read and held against this host: paths, programs, users, secrets. Exits 0 when all
/// is in order and 2 when it is not; each mistake is shown with its place and what to write
/// instead. Whether this host can enforce it is what `ringfence status` tells.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    config: ConfigOption,
    #[command(flatten)]
    format: FormatOption,
    /// Check the file alone, not whether it fits this host
    #[arg(long)]
    file_only: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct Checked<'result> {
    schema: u32,
    ok: bool,
    error: Option<&'result str>,
    mistakes: &'result [Mistake],
    notes: &'result [String],
    removed_variables: &'result [String],
}

/// A file that is in order.
struct Good {
    path: String,
    service: String,
    fit: Fit,
}

/// Names in the line about removed variables; the JSON form has all.
const SHOWN: usize = 4;

/// Variables of every shell, terminal and login: nobody misses them in a service.
const SHELL: &[&str] = &[
    "COLORTERM",
    "EDITOR",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LOGNAME",
    "LS_COLORS",
    "MAIL",
    "OLDPWD",
    "PAGER",
    "PATH",
    "PWD",
    "SHELL",
    "SHLVL",
    "TERM",
    "TMPDIR",
    "USER",
    "VISUAL",
    "_",
];

impl CheckConfig {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let checked = self.check();
        match (self.format.format, &checked) {
            (Format::Human, Ok(good)) => human(good, printer),
            (Format::Human, Err(_)) => {}
            (Format::Json, checked) => {
                let (good, wrong) = (checked.as_ref().ok(), checked.as_ref().err());
                let report = Checked {
                    schema: 1,
                    ok: wrong.is_none(),
                    error: wrong.map(CommandError::message),
                    mistakes: wrong.map(CommandError::mistakes).unwrap_or_default(),
                    notes: good.map(|good| &*good.fit.notes).unwrap_or_default(),
                    removed_variables: good
                        .map(|good| &*good.fit.removed_variables)
                        .unwrap_or_default(),
                };
                format::json(&report, printer)?;
            }
        }
        checked.map(|_| Finish::Clean)
    }

    fn check(&self) -> Result<Good, CommandError> {
        let file = BoundaryFile::load(&self.config)?;
        let fit = if self.file_only { Fit::default() } else { host::fits(&file)? };
        Ok(Good {
            path: file.source.path.display().to_string(),
            service: file.boundary.service.name.value,
            fit,
        })
    }
}

fn human(good: &Good, printer: &mut Printer) {
    let word = printer.paint(Style::Good, "in order");
    let mut text = format!("{} is {word}: service {}\n", untrusted(&good.path), good.service);
    for note in good.fit.notes.iter().map(String::as_str).chain(removed(&good.fit).as_deref()) {
        let note = format!("note: {}", untrusted(note));
        for (index, line) in table::wrap(&note, table::WIDTH - 4).iter().enumerate() {
            let _ = writeln!(text, "{}{line}", if index == 0 { "  " } else { "    " });
        }
    }
    printer.text(&text);
}

/// The variables that somebody may miss, in at most two lines.
fn removed(fit: &Fit) -> Option<String> {
    let shell = |name: &str| SHELL.contains(&name) || name.starts_with("LC_");
    let names: Vec<&str> =
        fit.removed_variables.iter().map(String::as_str).filter(|name| !shell(name)).collect();
    let count = names.len();
    let (s, are) = if count == 1 { ("", "is") } else { ("s", "are") };
    let said = |shown: usize| {
        let first = names.get(..shown).unwrap_or_default().join(", ");
        let first = if shown == 0 { first } else { format!(": {first}") };
        let more = if shown < count { ", ... (all with --format json)" } else { "" };
        format!("{count} variable{s} of this environment {are} not passed on{first}{more}")
    };
    let fits = |said: &String| table::wrap(&format!("note: {said}"), table::WIDTH - 4).len() <= 2;
    (count > 0).then(|| {
        let most = SHOWN.min(count);
        (1..=most).rev().map(said).find(fits).unwrap_or_else(|| said(0))
    })
}
