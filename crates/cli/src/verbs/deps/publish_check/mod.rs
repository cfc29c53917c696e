//! `ringfence deps publish-check`

mod output;
mod sarif;

use super::policy::Policy;
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::Printer;
use crate::settings::ConfigOption;
use output::{Checked, human, markdown};
use ringfence_deps::publish::{self, PublishError};
use ringfence_policy::display::untrusted;
use ringfence_policy::time;
use std::path::PathBuf;

/// Look at a package before it is published: what it would ship, and how it is published
///
/// Tells what `npm pack` would put into the tarball, as npm 10, 11 and 12 each do, without running
/// anything, and looks for secrets, stray files and what is missing. Reads the workflows of the
/// repository for tokens, provenance, pins and rights. Exits 1 on findings at or above the severity in
/// [dependencies] of the boundary file, high without one, and 2 when something cannot be read.
#[derive(Debug, clap::Args)]
pub(super) struct PublishCheck {
    /// The folder of the package
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// List every file that would be shipped
    #[arg(long)]
    files: bool,
    #[command(flatten)]
    config: ConfigOption,
    /// Judge agreements as of this moment, such as 2026-11-23T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<u64>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: CheckFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CheckFormat {
    Human,
    Json,
    Sarif,
    Markdown,
}

fn moment(text: &str) -> Result<u64, &'static str> {
    let seconds = time::read(text).and_then(|seconds| u64::try_from(seconds).ok());
    seconds.ok_or("write it as 2026-11-23T00:00:00Z")
}

impl PublishCheck {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let policy = Policy::load(&self.config)?;
        let now = self.now.unwrap_or_else(|| super::now().unsigned_abs());
        let told = publish::check(&self.folder, &policy.dependencies, now);
        let told = told.map_err(|error| failed(&error))?;
        let fail_on = policy.dependencies.fails_on();
        let checked = Checked {
            schema: 1,
            boundary: policy.file.as_ref().map(|path| path.display().to_string()),
            fail_on,
            failed: told.fails(fail_on),
            told: &told,
        };
        match self.format {
            CheckFormat::Human => printer.text(&human(&checked, self.files, printer)),
            CheckFormat::Markdown => printer.text(&markdown(&checked)),
            CheckFormat::Json => format::json(&checked, printer)?,
            CheckFormat::Sarif => format::json(&sarif::log(&checked), printer)?,
        }
        Ok(if checked.failed { Finish::Findings } else { Finish::Clean })
    }
}

fn failed(error: &PublishError) -> CommandError {
    let shown = untrusted(&error.to_string()).to_string();
    let failed = CommandError::new(Kind::Source, shown);
    match error {
        PublishError::Contents(_) => {
            failed.hint("name the folder with the package.json of the package")
        }
        PublishError::Workflow(_) => {
            failed.hint("a workflow that cannot be read may be the one that publishes: mend it")
        }
    }
}
