//! `ringfence deps review`

use super::look::{Look, counted, folder_of};
use super::output::{Reviewed, human, markdown};
use super::policy::Policy;
use super::{sarif, source};
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::Printer;
use crate::settings::ConfigOption;
use ringfence_deps::Severity;
use ringfence_deps::change::Change;
use ringfence_deps::review::{self, Review as Question};
use ringfence_policy::time;
use std::path::Path;

/// Say what a change of the lockfile brings in, and what a reviewer should ask
///
/// OLD and NEW are lockfiles, folders with one, or git revisions (HEAD, main, REVISION:PATH; :PATH is what
/// is staged). Without both, the lockfile here is held against the last commit. Tarballs of what changed
/// are looked at where this machine has them, and nobody is asked without --online.
///
/// Exit codes: 0 nothing at or above the severity that fails; 1 something is; 2 nothing could be
/// reviewed, an argument or the boundary file is wrong, or with --online the registry gave no answer
/// about a version that changed.
#[derive(Debug, clap::Args)]
pub(super) struct Review {
    /// The lockfile as it was: a file, a folder, a git revision, or REVISION:PATH
    #[arg(value_name = "OLD", default_value = "HEAD", value_hint = clap::ValueHint::AnyPath)]
    old: String,
    /// The lockfile as it shall be
    #[arg(value_name = "NEW", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    new: String,
    /// The least severity that fails: info, low, moderate, high or critical; without it, `fail-on` of
    /// the boundary file, else high
    #[arg(long, value_name = "SEVERITY", value_parser = super::audit::severity)]
    fail_on: Option<Severity>,
    #[command(flatten)]
    look: Look,
    /// Pass although the registry gave no answer about some versions
    #[arg(long, requires = "online")]
    allow_unknown: bool,
    #[command(flatten)]
    config: ConfigOption,
    /// Judge as of this moment, such as 2026-11-23T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    now: Option<u64>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ReviewFormat,
}

/// For people, for machines, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReviewFormat {
    Human,
    Json,
    Sarif,
    Markdown,
}

fn moment(text: &str) -> Result<u64, &'static str> {
    let seconds = time::read(text).and_then(|seconds| u64::try_from(seconds).ok());
    seconds.ok_or("write it as 2026-11-23T00:00:00Z")
}

impl Review {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let policy = Policy::load(&self.config)?;
        let new = source::load(&self.new, &self.old)?;
        let old = source::load(&self.old, &new.path)?;
        let change = Change::between(&old.graph, &new.graph);
        let places = self.look.open(&folder_of(Path::new(&new.path)))?;
        let evidence = places.evidence();
        evidence.look_ahead(&change, &mut |what, done, all| {
            printer.progress(&format!("{what}: {done} of {all}"));
        });
        let outcome = review::review(&Question {
            change: &change,
            evidence: &evidence,
            now: self.now.unwrap_or_else(|| super::now().unsigned_abs()),
            policy: &policy.dependencies,
            known_bad: &policy.known_bad,
        });
        printer.progress("");
        let fail_on = self.fail_on.unwrap_or_else(|| policy.dependencies.fails_on());
        let failed = outcome.fails(fail_on);
        let sources = evidence.sources();
        let reviewed = Reviewed {
            schema: 1,
            old: &old.shown,
            new: &new.shown,
            file: &new.path,
            boundary: policy.file.as_ref().map(|path| path.display().to_string()),
            fail_on,
            failed,
            releases: change.after.len(),
            added: change.added().count(),
            removed: change.removed().count(),
            outcome: &outcome,
            evidence: &sources,
        };
        match self.format {
            ReviewFormat::Human => printer.text(&human(&reviewed, printer)),
            ReviewFormat::Markdown => printer.text(&markdown(&reviewed)),
            ReviewFormat::Json => format::json(&reviewed, printer)?,
            ReviewFormat::Sarif => format::json(&sarif::log(&reviewed), printer)?,
        }
        if failed {
            return Ok(Finish::Findings);
        }
        match sources.unanswered() {
            0 => Ok(Finish::Clean),
            _ if self.allow_unknown => Ok(Finish::Clean),
            count => Err(unanswered(count)),
        }
    }
}

/// What was asked for and not answered is not clean.
fn unanswered(count: usize) -> CommandError {
    let versions = counted(count, "version");
    let message = format!("the registry gave no answer that counts about {versions}");
    CommandError::new(Kind::Source, message)
        .hint("ask again, with more time (--online-for), go on with --allow-unknown, or review without --online")
}
