//! `ringfence deps audit`

mod shown;

use super::look::folder_of;
use super::policy::Policy;
use super::source::{self, Side};
use super::{Omit, advisories, now, npm};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::{Printer, Style};
use crate::settings::ConfigOption;
use ringfence_deps::Severity;
use ringfence_deps::advisories::bulk::{self, Asked};
use ringfence_deps::advisories::{Advisories, IndexError};
use ringfence_deps::audit::{self, Accept, Report};
use ringfence_policy::dependencies::{ADVISORIES, Dependencies};
use ringfence_policy::time;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Say which packages have known vulnerabilities
///
/// Offline, from the index that `deps advisories import` made, unless --online asks the registry that npm
/// is configured to use. Exits 1 when something of the level or above was found that nobody accepted, and 2
/// when there is no answer: never as if all were well. That nothing is known of a package does not
/// make it good.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// The lockfile, or the folder it lies in
    #[arg(value_name = "LOCKFILE", default_value = ".", value_hint = clap::ValueHint::AnyPath)]
    lockfile: String,
    /// The least severity that fails: info, low, moderate, high or critical; without it, `fail-on` of
    /// the boundary file, else high
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    level: Option<Severity>,
    /// The index, instead of the one of the user
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    advisories: Option<PathBuf>,
    /// Ask the registry, which hears the names and versions of its packages
    #[arg(long, conflicts_with = "advisories")]
    online: bool,
    /// Leave out what is needed to develop alone
    #[arg(long, value_name = "WHAT")]
    omit: Option<Omit>,
    /// Accept an advisory until a day: GHSA-xxxx-xxxx-xxxx=why@2027-01-31
    #[arg(long, value_name = "ID=REASON@DAY", value_parser = ignore)]
    ignore: Vec<Accept>,
    #[command(flatten)]
    config: ConfigOption,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: AuditFormat,
}

/// For people, for machines, for code scanning, or for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AuditFormat {
    Human,
    Json,
    Sarif,
    Markdown,
}

/// Who was asked.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Source {
    Index {
        path: String,
        advisories: usize,
        /// The day of the newest.
        newest: String,
        days_old: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
    },
    Registry {
        url: String,
    },
}

/// An audit and what it is shown with.
struct Audited {
    lockfile: String,
    source: Source,
    level: Severity,
    report: Report,
}

impl Audited {
    /// What makes it fail.
    fn failing(&self) -> usize {
        self.report.vulnerabilities.iter().filter(|one| one.counts(self.level)).count()
    }
}

impl Audit {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let policy = Policy::load(&self.config)?.dependencies;
        let lock = source::load(&self.lockfile, "")?;
        let (source, advisories, asked) =
            if self.online { self.ask_registry(&lock, printer)? } else { self.read_index(&lock)? };
        let accept: Vec<Accept> = self.ignore.iter().cloned().chain(accepted(&policy)).collect();
        let report = audit::audit(&audit::Audit {
            graph: &lock.graph,
            advisories: &advisories,
            asked: asked.as_ref(),
            accept: &accept,
            omit_dev: self.omit.is_some(),
            now: now(),
        });
        if report.judged == 0 && !report.unjudged.is_empty() {
            let message = format!("none of the packages of {} can be judged", lock.shown);
            let why = report.unjudged.first().map(|one| one.why).unwrap_or_default();
            return Err(CommandError::new(Kind::Source, message).hint(why));
        }
        let level = self.level.unwrap_or_else(|| policy.fails_on());
        let audited = Audited { lockfile: lock.path, source, level, report };
        if let Source::Index { warning: Some(warning), .. } = &audited.source {
            let label = printer.paint_error(Style::Warning, "warning:");
            printer.error(&format!("{label} {warning}\n"));
        }
        match self.format {
            AuditFormat::Human => printer.text(&shown::human(&audited, printer)),
            AuditFormat::Json => crate::format::json(&shown::json(&audited), printer)?,
            AuditFormat::Markdown => printer.text(&shown::markdown(&audited)),
            AuditFormat::Sarif => crate::format::json(&shown::sarif(&audited), printer)?,
        }
        Ok(if audited.failing() > 0 { Finish::Findings } else { Finish::Clean })
    }

    fn read_index(&self, lock: &Side) -> Result<Answer, CommandError> {
        let path = match &self.advisories {
            Some(path) => path.clone(),
            None => advisories::usual_place()?,
        };
        let index = advisories::read(&path)?;
        let names = lock.graph.packages.iter().map(|package| package.name.as_str());
        let known = index.about(names).map_err(|error: IndexError| {
            CommandError::new(Kind::Source, format!("cannot use {}", path.display()))
                .caused_by(&error)
                .hint(advisories::HOW)
        })?;
        let (days_old, warning) = advisories::age(&index);
        let source = Source::Index {
            path: path.display().to_string(),
            advisories: index.entries(),
            newest: time::written(index.newest()),
            days_old,
            warning,
        };
        Ok((source, known, None))
    }

    fn ask_registry(&self, lock: &Side, printer: &mut Printer) -> Result<Answer, CommandError> {
        let (config, _) = npm::configured(&folder_of(Path::new(&lock.path)))?;
        let registry = config.registry("").unwrap_or_default().to_owned();
        let asked = audit::question(&lock.graph, &config, self.omit.is_some());
        let mut known = Advisories::new();
        if !asked.is_empty() {
            printer.progress("asking the registry");
            let answer = bulk::ask(&registry, &config, &asked);
            printer.progress("");
            known = answer.map_err(|error| {
                CommandError::new(Kind::Source, "the registry was asked and nothing is known")
                    .caused_by(&error)
                    .hint(OFFLINE)
            })?;
        }
        Ok((Source::Registry { url: registry }, known, Some(asked)))
    }
}

/// Who was asked, what is known, and what was asked for.
type Answer = (Source, Advisories, Option<Asked>);

/// What to do where the registry does not help.
const OFFLINE: &str = "audit with an index instead: `ringfence deps advisories import SOURCE`, then \
    `ringfence deps audit` without --online";

/// Agreements of the boundary file that are about advisories.
fn accepted(policy: &Dependencies) -> impl Iterator<Item = Accept> + '_ {
    let about = policy
        .accept
        .iter()
        .filter(|one| ADVISORIES.iter().any(|start| one.code.value.starts_with(start)));
    about.map(|one| Accept {
        id: one.code.value.clone(),
        package: Some(one.package.value.clone()),
        reason: one.reason.value.clone(),
        until: one.until.as_ref().map(|until| until.value),
    })
}

/// What `--level` takes.
pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let all = || Severity::ALL.map(Severity::id).join(", ");
    Severity::from_id(text).ok_or_else(|| format!("not one of {}", all()))
}

/// What `--ignore` takes: it holds to the end of the day.
fn ignore(text: &str) -> Result<Accept, &'static str> {
    let form = "not of the form ID=REASON@DAY, such as GHSA-xxxx-xxxx-xxxx=not reached@2027-01-31";
    let (id, rest) = text.split_once('=').ok_or(form)?;
    let (reason, day) = rest.rsplit_once('@').ok_or(form)?;
    let day = time::read(&format!("{}T00:00:00Z", day.trim())).ok_or(form)?;
    let (id, reason) = (id.trim(), reason.trim());
    if id.is_empty() || reason.is_empty() {
        return Err(form);
    }
    let until = Some(day + time::DAY);
    Ok(Accept { id: id.to_owned(), package: None, reason: reason.to_owned(), until })
}
