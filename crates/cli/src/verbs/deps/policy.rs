//! `[dependencies]` of the boundary file, and the lists that it names.

use crate::boundary_file::{folder_of, mistaken};
use crate::error::{CommandError, Kind};
use crate::settings::ConfigOption;
use ringfence_deps::review::KnownBad;
use ringfence_policy::dependencies::Dependencies;
use ringfence_project::walk::{self, EntryKind, Limits};
use std::path::{Path, PathBuf};

/// Largest list or advisory that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// How far a folder of advisories is looked through.
const ADVISORIES: Limits = Limits { entries: 500_000, depth: 4 };

/// How packages are judged.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// The boundary file; nothing where there is none, and defaults hold.
    pub(super) file: Option<PathBuf>,
    /// What it says.
    pub(super) dependencies: Dependencies,
    /// What its lists name.
    pub(super) known_bad: KnownBad,
}

impl Policy {
    /// Reads the boundary file that is named or found; without any the defaults hold.
    pub(super) fn load(option: &ConfigOption) -> Result<Self, CommandError> {
        let source = match option.find()? {
            Ok(source) => source,
            // Reading it says what is wrong with the name.
            Err(_) if option.config.is_some() => option.read()?,
            Err(_) => return Ok(Self::default()),
        };
        let path = source.path;
        let read = ringfence_policy::parse_dependencies(&path.to_string_lossy(), &source.text);
        let dependencies = read.map_err(|mistakes| mistaken(&path, mistakes))?;
        let mut known_bad = KnownBad::default();
        if !dependencies.known_bad.is_empty() {
            let folder = folder_of(&path)?;
            for list in &dependencies.known_bad {
                add(&mut known_bad, &folder.join(&list.value), &list.value)?;
            }
        }
        Ok(Self { file: Some(path), dependencies, known_bad })
    }
}

/// Adds a list, or every `.json` file of a folder.
fn add(known_bad: &mut KnownBad, path: &Path, shown: &str) -> Result<(), CommandError> {
    if !path.is_dir() {
        return add_file(known_bad, path, shown);
    }
    let walked = walk::walk(path, ADVISORIES, |_, _| false);
    if walked.cut || !walked.unreadable.is_empty() {
        let message = format!("cannot read all of {shown}: too many files, or closed folders");
        return Err(CommandError::new(Kind::Source, message));
    }
    let json = |name: &str| Path::new(name).extension().is_some_and(|kind| kind == "json");
    let files = walked.entries.iter().filter(|one| one.kind == EntryKind::File && json(&one.path));
    let mut any = false;
    for entry in files {
        any = true;
        add_file(known_bad, &path.join(&entry.path), &format!("{shown}/{}", entry.path))?;
    }
    if any {
        return Ok(());
    }
    Err(CommandError::new(Kind::Source, format!("no advisory (.json) is in {shown}")))
}

fn add_file(known_bad: &mut KnownBad, path: &Path, shown: &str) -> Result<(), CommandError> {
    let text = walk::text(path, LONGEST).map_err(|error| {
        CommandError::new(Kind::Source, format!("cannot read {shown}"))
            .caused_by(&error)
            .hint("known-bad in [dependencies] names it")
    })?;
    known_bad
        .add(shown, &text)
        .map_err(|error| CommandError::new(Kind::Configuration, format!("{shown}: {error}")))
}
