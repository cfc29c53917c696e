//! Why a grant is there: when it was used first, how often, and who asked for it.

use crate::record::{Caller, Capability, FileSeen, FileUse, Record};
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Callers that are kept of one grant.
const CALLERS: usize = 5;

/// Longest path in a comment that is written whole, in bytes.
const PLACE: usize = 48;

/// Why a grant is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Milliseconds from the start of the run to the first use; absent when only Node told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// How often it was used.
    pub count: u64,
    /// How many different things it covers: files of a folder.
    pub things: usize,
    /// Who asked for it, those who asked most often first.
    pub callers: Vec<Caller>,
    /// Whose program it was, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// What cannot be seen from the key alone, such as "a shell makes every injection a program".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    #[serde(skip)]
    pub(crate) asked: BTreeMap<Caller, u64>,
}

impl Why {
    /// Something that was seen once, at this time.
    pub(super) fn at(first: u64, count: u64) -> Self {
        Self { first: Some(first), count, things: 1, ..Self::default() }
    }

    /// Something that only Node told of.
    pub(super) fn told() -> Self {
        Self { count: 1, things: 1, ..Self::default() }
    }

    /// The uses of a file, those that change it or the others.
    pub(super) fn of_file(record: &Record, path: &Path, file: &FileSeen, writes: bool) -> Self {
        let uses = file.uses.iter().filter(|(used, _)| used.is_write() == writes);
        let first = uses.map(|(_, first)| first).min_by_key(|first| first.at);
        let mut why = Self {
            first: first.map(|first| first.at),
            count: file.times,
            things: 1,
            program: first.map(|first| first.program.clone()),
            ..Self::default()
        };
        let resource = path.to_string_lossy();
        let asked: &[Capability] =
            if writes { &[Capability::FsWrite] } else { &[Capability::FsRead, Capability::FsLook] };
        for capability in asked {
            why.asked_for(record, *capability, &resource);
        }
        why
    }

    /// Adds who asked for a resource.
    pub(super) fn asked_for(&mut self, record: &Record, capability: Capability, resource: &str) {
        let Some(callers) = record.uses.get(&(capability, resource.to_owned())) else { return };
        for (caller, times) in callers {
            *self.asked.entry(caller.clone()).or_default() += times;
        }
        self.rank();
    }

    /// Joins the uses of two things.
    pub(super) fn join(&mut self, other: &Self) {
        let earlier = match (self.first, other.first) {
            (Some(one), Some(two)) => two < one,
            (first, _) => first.is_none(),
        };
        if earlier {
            self.first = other.first.or(self.first);
            self.program = other.program.clone().or_else(|| self.program.take());
        }
        self.count += other.count;
        self.things += other.things;
        self.remark = self.remark.take().or_else(|| other.remark.clone());
        for (caller, times) in &other.asked {
            *self.asked.entry(caller.clone()).or_default() += times;
        }
        self.rank();
    }

    pub(super) fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    fn rank(&mut self) {
        let mut ranked: Vec<_> = self.asked.iter().collect();
        ranked
            .sort_by_key(|(caller, times)| (std::cmp::Reverse(**times), caller.package.is_none()));
        self.callers = ranked.into_iter().take(CALLERS).map(|(caller, _)| caller.clone()).collect();
    }

    /// For a comment beside the grant: `read by express 5.1.0 (node_modules/express/lib/view.js:12),
    /// 3 times, first after 120 ms`. One line of printable ASCII; no path of a home directory.
    #[must_use]
    pub fn words(&self, verb: &str, folder: &Path) -> String {
        let mut words = match self.callers.first() {
            Some(caller) => format!("{verb} by {}", self::caller(caller, folder)),
            None => match self.program.as_deref().and_then(Path::file_name) {
                Some(name) => format!("{verb} by {}", name.to_string_lossy()),
                None => verb.to_owned(),
            },
        };
        if self.things > 1 {
            let _ = write!(words, ", {} files", self.things);
        } else if self.count > 1 {
            let _ = write!(words, ", {} times", self.count);
        }
        if let Some(first) = self.first {
            let _ = write!(words, ", first after {}", duration(first));
        }
        if let Some(remark) = &self.remark {
            let _ = write!(words, "; {remark}");
        }
        untrusted(&words).to_string()
    }
}

/// ` by express 5.1.0 (lib/view.js:12)`: whoever asked for something most often; empty when nobody told.
pub(super) fn who(drafting: &super::Drafting<'_>, capability: Capability, what: &str) -> String {
    let callers = drafting.record.uses.get(&(capability, what.to_owned()));
    // A package rather than the program itself, whose own code is known.
    let most = callers
        .and_then(|all| all.iter().max_by_key(|(by, times)| (by.package.is_some(), **times)));
    most.map_or_else(String::new, |(by, _)| format!(" by {}", caller(by, drafting.facts.folder)))
}

/// Who it was and where, short.
fn caller(caller: &Caller, folder: &Path) -> String {
    let place = place(&caller.place, folder);
    match (&caller.package, &caller.version) {
        (Some(package), Some(version)) => format!("{package} {version} ({place})"),
        (Some(package), None) => format!("{package} ({place})"),
        (None, _) => place,
    }
}

/// `file:line` against the folder; of a file elsewhere only its name.
fn place(place: &str, folder: &Path) -> String {
    let mut parts: Vec<&str> = place.split(':').collect();
    let number = |part: Option<&&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    // The column is of no use to a reader.
    if parts.len() > 2 && number(parts.last()) && number(parts.get(parts.len() - 2)) {
        parts.pop();
    }
    let line = if parts.len() > 1 && number(parts.last()) { parts.pop() } else { None };
    let file = parts.join(":");
    let path = Path::new(&file);
    let shown = match path.strip_prefix(folder) {
        Ok(inside) => tail(&inside.to_string_lossy()),
        Err(_) if path.is_absolute() => {
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
        }
        Err(_) => file.clone(),
    };
    match line {
        Some(line) => format!("{shown}:{line}"),
        None => shown,
    }
}

impl FileUse {
    /// Whether it changes anything.
    pub(super) const fn is_write(self) -> bool {
        !matches!(self, Self::Look | Self::Read | Self::Load)
    }
}

/// A long path by its end.
fn tail(path: &str) -> String {
    if path.len() <= PLACE {
        return path.to_owned();
    }
    let parts: Vec<&str> = path.split('/').collect();
    format!(".../{}", parts[parts.len().saturating_sub(2)..].join("/"))
}

/// Milliseconds in a unit that reads well.
fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{milliseconds} ms"),
        10_000..600_000 => format!("{} s", milliseconds / 1000),
        _ => format!("{} min", milliseconds / 60_000),
    }
}
