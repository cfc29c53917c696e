//! `ringfence deps advisories`

use super::now;
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_deps::advisories::{self, Import, ImportError, Imported, Index};
use ringfence_policy::time;
use std::path::{Path, PathBuf};

/// Days after which an index says too little about what is new.
const FRESH: i64 = 7;
/// Largest index that is read, in bytes: that of all of npm has some 60 MiB.
const LARGEST: u64 = 1 << 30;
/// How one gets an index.
pub(super) const HOW: &str = "get advisories in the form of OSV (a folder, or the zip of its npm \
    ecosystem), then `ringfence deps advisories import SOURCE`; or ask the registry with --online";

/// Keep advisories for audits without a network
#[derive(Debug, clap::Subcommand)]
pub(super) enum Advisories {
    Import(ImportVerb),
}

/// Make an index of advisories in the form of OSV
///
/// Sources are folders with documents, zips of documents as OSV publishes them, or single files. npm
/// packages are kept, what its authors took back is not. The index is written in one step, and an error
/// leaves the old one.
#[derive(Debug, clap::Args)]
pub(super) struct ImportVerb {
    /// Where the advisories are
    #[arg(value_name = "SOURCE", required = true, value_hint = clap::ValueHint::AnyPath)]
    sources: Vec<PathBuf>,
    /// Where the index is written, instead of the folder for data of the user
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
}

impl Advisories {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match self {
            Self::Import(verb) => verb.execute(printer),
        }
    }
}

impl ImportVerb {
    fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let path = match &self.out {
            Some(path) => path.clone(),
            None => usual_place()?,
        };
        let mut import = Import::default();
        for source in &self.sources {
            printer.progress(&format!("reading {}", source.display()));
            let read = import.read(source);
            printer.progress("");
            read.map_err(|error| refused(source, &error))?;
        }
        let (text, imported) = import.into_index();
        if imported.packages == 0 {
            let message = "no advisory in it is about an npm package";
            return Err(CommandError::new(Kind::Source, message).hint(HOW));
        }
        advisories::write(&path, &text).map_err(|error| {
            let message = format!("cannot write {}", path.display());
            CommandError::new(Kind::Output, message).caused_by(&error)
        })?;
        printer.text(&told(&imported, &path));
        Ok(Finish::Clean)
    }
}

fn told(imported: &Imported, path: &Path) -> String {
    let Imported { documents, entries, packages, withdrawn, newest } = imported;
    format!(
        "{documents} documents read: {entries} advisories about {packages} npm packages, {withdrawn} taken back\n\
         newest of {}\n{}\n",
        time::written(*newest),
        path.display()
    )
}

fn refused(source: &Path, error: &ImportError) -> CommandError {
    let message = format!("{} is not imported", source.display());
    let told = CommandError::new(Kind::Source, message).caused_by(error);
    told.hint("nothing was written: an index that was there is still there")
}

/// The index in the user's folder for data (XDG Base Directory Specification).
pub(super) fn usual_place() -> Result<PathBuf, CommandError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(set("HOME")?.join(".local/share")));
    let folder = data.ok_or_else(|| {
        CommandError::new(Kind::Usage, "no folder for data: HOME is not set")
            .hint("name the index: --out FILE to write it, --advisories FILE to read it")
    })?;
    Ok(folder.join("ringfence/advisories.index"))
}

/// Reads an index.
pub(super) fn read(path: &Path) -> Result<Index, CommandError> {
    if std::fs::symlink_metadata(path).is_err() {
        let message = format!("there is no index of advisories: {}", path.display());
        return Err(CommandError::new(Kind::Source, message).hint(HOW));
    }
    let failed = |error: &dyn std::error::Error| {
        let message = format!("cannot use {}", path.display());
        CommandError::new(Kind::Source, message).caused_by(error).hint(HOW)
    };
    let bytes = ringfence_project::walk::bytes(path, LARGEST).map_err(|error| failed(&error))?;
    Index::parse(bytes).map_err(|error| failed(&error))
}

/// How old an index is, in days, and what is to be said about it.
pub(super) fn age(index: &Index) -> (i64, Option<String>) {
    let days = (now() - index.newest()).div_euclid(time::DAY);
    let warning = if days > FRESH {
        Some(format!("the index is {days} days old: newer advisories are not in it"))
    } else if days < -1 {
        Some("the newest advisory of the index is from the future: its age is not known".to_owned())
    } else {
        None
    };
    (days.max(0), warning)
}
