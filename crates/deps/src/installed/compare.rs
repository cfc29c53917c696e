//! A package's folder against its tarball, file by file.

use super::discover::{Found, list};
use super::places::Places;
use super::{Deviation, Kind, Report, Unknown, Verification};
use crate::evidence::Origin;
use crate::tarball::{Hash, Member, Tarball};
use ringfence_project::graph::{Format, Package, Source, Target};
use ringfence_project::walk;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Deepest folder in a package.
const DEEPEST: usize = 200;

/// What comparing one package found.
#[derive(Default)]
struct Outcome {
    origin: Option<Origin>,
    files: usize,
    bytes: u64,
    deviations: Vec<Deviation>,
    outputs: bool,
    unknown: Vec<Unknown>,
}

/// Compares every place, in as many threads as asked for.
pub(super) fn all(
    verification: &Verification<'_>,
    found: &Found,
    places: &Places,
    report: &mut Report,
) {
    let work: Vec<_> = places.of.iter().collect();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(work.len()));
    std::thread::scope(|scope| {
        for _ in 0..verification.threads.max(1) {
            scope.spawn(|| {
                while let Some((folder, id)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let package = verification.graph.package(**id);
                    let one = One { verification, found, places, package, folder };
                    let outcome = one.compare();
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    for outcome in outcomes.into_inner().unwrap_or_else(PoisonError::into_inner) {
        if let Some(origin) = outcome.origin {
            report.packages += 1;
            *report.origins.entry(origin).or_default() += 1;
        }
        report.files += outcome.files;
        report.bytes += outcome.bytes;
        report.unknown.extend(outcome.unknown);
        let to = if outcome.outputs { &mut report.script_outputs } else { &mut report.deviations };
        to.extend(outcome.deviations);
    }
}

/// One package in its folder.
struct One<'a> {
    verification: &'a Verification<'a>,
    /// Links and commands that others look at.
    found: &'a Found,
    places: &'a Places,
    package: &'a Package,
    folder: &'a str,
}

/// What should be in the folder.
type Expected<'a> = BTreeMap<String, &'a Member>;

impl One<'_> {
    fn compare(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let tarballs = self.verification.tarballs;
        let had = if self.package.integrity.is_empty() && self.is_unhashed_by_form() {
            tarballs.by_registry(self.package)
        } else {
            tarballs.of(self.package)
        };
        let had = match had {
            Ok(had) => had,
            Err(missing) => {
                let (package, why) = (self.package.label(), missing.0);
                outcome.unknown.push(Unknown { package, why });
                return outcome;
            }
        };
        outcome.origin = Some(had.origin);
        let expected = self.expected(&had.tarball);
        let mut seen = BTreeSet::new();
        self.folder("", 0, &expected, &had.tarball, &mut seen, &mut outcome);
        for path in expected.keys().filter(|path| !seen.contains(*path)) {
            if self.must_be_there(path) {
                self.deviates(&mut outcome, Kind::Missing, path, "");
            }
        }
        let runs = had.tarball.facts(false).runs_at_install();
        outcome.outputs = runs && (self.verification.may_run)(self.package) != Some(false);
        self.without_patched(&mut outcome);
        outcome
    }

    /// Whether the form of the lockfile has no hash of tarballs: Yarn 2 and later write one of their own
    /// zip, and none at all for packages of single platforms.
    fn is_unhashed_by_form(&self) -> bool {
        let is_berry = matches!(self.verification.graph.format, Format::YarnBerry(_));
        let is_registry = matches!(self.package.source, Source::Registry { .. });
        self.package.checksum.is_some() || is_berry && is_registry
    }

    /// The files as an install writes them: the last of a name counts, and npm renames.
    fn expected<'b>(&self, tarball: &'b Tarball) -> Expected<'b> {
        let mut expected = Expected::new();
        let mut ignores = BTreeSet::new();
        for member in &tarball.files {
            let mut path = member.path.clone();
            if self.places.renames {
                let base = path.rsplit('/').next().unwrap_or(&path);
                if base == ".npmignore" {
                    ignores.insert(path.clone());
                } else if base == ".gitignore" {
                    path = format!("{}.npmignore", &path[..path.len() - ".gitignore".len()]);
                    if ignores.contains(&path) {
                        continue;
                    }
                }
            }
            // Another package of the lockfile may lie where a tarball has one of its own.
            if !self.is_anothers(&path) {
                expected.insert(path, member);
            }
        }
        expected
    }

    fn is_anothers(&self, path: &str) -> bool {
        let at = format!("{}/{path}", self.folder);
        path.starts_with("node_modules/")
            && self.places.around(&at).is_some_and(|(folder, _)| folder != self.folder)
    }

    /// Packages in a tarball are installed where the lockfile has them as bundled; npm takes others away.
    /// Others may, where the lockfile has the package by itself.
    fn must_be_there(&self, path: &str) -> bool {
        let Some(inner) = path.strip_prefix("node_modules/") else { return true };
        let take = if inner.starts_with('@') { 2 } else { 1 };
        let name: Vec<&str> = inner.split('/').take(take).collect();
        let folder = format!("{}/node_modules/{}", self.folder, name.join("/"));
        if self.places.by_npm {
            return self.places.bundled.contains(&folder);
        }
        let graph = self.verification.graph;
        let wanted = name.join("/");
        let is_elsewhere = self.package.edges.iter().any(|edge| {
            let found = matches!(edge.to, Some(Target::Package(id)) if !graph.package(id).bundled);
            edge.name == wanted && found
        });
        !is_elsewhere || fs::symlink_metadata(self.verification.folder.join(&folder)).is_ok()
    }

    fn folder(
        &self,
        inside: &str,
        depth: usize,
        expected: &Expected<'_>,
        tarball: &Tarball,
        seen: &mut BTreeSet<String>,
        outcome: &mut Outcome,
    ) {
        let at = joined(self.folder, inside);
        let closed = match list(&self.verification.folder.join(&at)) {
            Ok(listed) if depth <= DEEPEST => Ok(listed),
            Ok(_) => Err("it is nested too deeply".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let listed = match closed {
            Ok(listed) => listed,
            Err(why) => return self.closed(inside, &why, expected, seen, outcome),
        };
        for odd in listed.odd(inside) {
            let odd = odd.trim_start_matches('/');
            self.deviates(outcome, Kind::Added, odd, "its name is not UTF-8, as no manager's is");
        }
        for (name, kind) in listed.entries {
            let path = joined(inside, &name);
            let whole = joined(self.folder, &path);
            if kind.is_dir() {
                // Commands are looked at by themselves, and other packages too.
                if self.places.of.contains_key(&whole) || self.found.commands.contains(&whole) {
                    continue;
                }
                if is_packages(&path) && !has_below(expected, &path) {
                    self.extra(outcome, &path);
                } else {
                    self.folder(&path, depth + 1, expected, tarball, seen, outcome);
                }
                continue;
            }
            let member = expected.get(&path);
            match member {
                _ if kind.is_symlink() && self.found.links.contains_key(&whole) => continue,
                None if kind.is_symlink() => {
                    self.deviates(outcome, Kind::Link, &path, "no tarball has links");
                }
                None => self.deviates(outcome, Kind::Added, &path, said(kind.is_file())),
                Some(_) if !kind.is_file() => {
                    self.deviates(outcome, Kind::Changed, &path, "it is no ordinary file any more");
                }
                Some(member) => self.file(&path, member, tarball, outcome),
            }
            seen.insert(path);
        }
    }

    /// A folder that cannot be looked into: whatever is in it, no tarball has one of that name, or what
    /// it should hold cannot be compared.
    fn closed(
        &self,
        inside: &str,
        why: &str,
        expected: &Expected<'_>,
        seen: &mut BTreeSet<String>,
        outcome: &mut Outcome,
    ) {
        if !inside.is_empty() && !has_below(expected, inside) {
            let message = format!("a folder that cannot be looked into: {why}");
            return self.deviates(outcome, Kind::Added, inside, &message);
        }
        let start = joined(inside, "");
        let below = |path: &&String| inside.is_empty() || path.starts_with(&format!("{start}/"));
        seen.extend(expected.keys().filter(below).cloned());
        self.unknown(outcome, &joined(self.folder, inside), why);
    }

    fn file(&self, path: &str, member: &Member, tarball: &Tarball, outcome: &mut Outcome) {
        let at = joined(self.folder, path);
        let is_command = tarball.manifest.bin.iter().any(|(_, file)| file == path)
            || tarball.manifest.command_folder.as_deref().is_some_and(|folder| {
                path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            });
        let file = self.verification.folder.join(&at);
        let (hash, metadata) = match hashed(&file, member, is_command) {
            Ok(read) => read,
            Err(error) => return self.unknown(outcome, &at, &error.to_string()),
        };
        outcome.files += 1;
        outcome.bytes += metadata.len();
        match hash {
            Some(hash) if hash == member.hash => {}
            _ => self.deviates(outcome, Kind::Changed, path, ""),
        }
        if let Some(message) = self.mode(&metadata, member.executable || is_command) {
            self.deviates(outcome, Kind::ModeChanged, path, message);
        }
    }

    fn mode(&self, metadata: &Metadata, may_execute: bool) -> Option<&'static str> {
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(metadata);
            if mode & 0o6000 != 0 {
                return Some("it runs with the rights of its owner");
            }
            if self.places.has_own_modes && !may_execute && mode & 0o111 != 0 {
                return Some("it may be executed, and in the tarball it may not");
            }
        }
        let _ = (metadata, may_execute);
        None
    }

    /// Files that a patch of the project names are not what the tarball has, and that is meant so.
    fn without_patched(&self, outcome: &mut Outcome) {
        let Some(patch) = &self.package.patch else { return };
        let label = self.package.label();
        let Ok(text) = walk::text(&self.verification.project.join(patch), 64 << 20) else {
            outcome
                .unknown
                .push(Unknown { package: label, why: "its patch cannot be read".to_owned() });
            return;
        };
        let name = |line: &str| {
            line.strip_prefix("+++ b/").or_else(|| line.strip_prefix("--- a/")).map(str::to_owned)
        };
        let named: BTreeSet<String> = text.lines().filter_map(name).collect();
        let before = outcome.deviations.len();
        let prefix = format!("{}/", self.folder);
        outcome
            .deviations
            .retain(|one| !one.path.strip_prefix(&prefix).is_some_and(|path| named.contains(path)));
        let count = before - outcome.deviations.len();
        if count > 0 {
            let why = format!("{count} of its files differ by a patch, which was not applied here");
            outcome.unknown.push(Unknown { package: label, why });
        }
    }

    fn extra(&self, outcome: &mut Outcome, path: &str) {
        let message = "neither the lockfile nor a tarball has it";
        self.deviates(outcome, Kind::ExtraPackage, path, message);
    }

    fn deviates(&self, outcome: &mut Outcome, kind: Kind, path: &str, message: &str) {
        outcome.deviations.push(Deviation {
            package: self.package.label(),
            kind,
            path: joined(self.folder, path),
            message: message.to_owned(),
        });
    }

    fn unknown(&self, outcome: &mut Outcome, at: &str, why: &str) {
        let (package, why) = (self.package.label(), format!("{at}: {why}"));
        outcome.unknown.push(Unknown { package, why });
    }
}

/// Whether a folder is that of a package: `node_modules/NAME` at its end.
fn is_packages(path: &str) -> bool {
    let inside = path.strip_prefix("node_modules/");
    let name = path.rsplit_once("/node_modules/").map(|(_, name)| name).or(inside);
    name.is_some_and(|name| match name.strip_prefix('@') {
        Some(scoped) => scoped.matches('/').count() == 1,
        None => !name.contains('/') && !name.starts_with('.'),
    })
}

const fn said(is_file: bool) -> &'static str {
    if is_file { "" } else { "it is a pipe, a socket or a device" }
}

fn joined(folder: &str, name: &str) -> String {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// Whether anything is expected below a folder.
fn has_below(expected: &Expected<'_>, folder: &str) -> bool {
    let start = format!("{folder}/");
    expected.range(start.clone()..).next().is_some_and(|(path, _)| path.starts_with(&start))
}

/// Opens a file that was an ordinary one a moment ago: what took its place meanwhile is neither followed
/// nor waited for.
fn opened(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(target_os = "linux")]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is no ordinary file any more"))
}

/// The hash of a file; nothing where its length alone says that it is another. Of a command whose first
/// line had the end of Windows' lines, managers take that away: here it is put back.
fn hashed(path: &Path, member: &Member, is_command: bool) -> io::Result<(Option<Hash>, Metadata)> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no ordinary file any more"));
    }
    let shorter = is_command && member.size.checked_sub(1) == Some(metadata.len());
    if metadata.len() != member.size && !shorter {
        return Ok((None, metadata));
    }
    let mut file = opened(path)?.take(member.size);
    let mut hash = sha2::Sha512::new();
    let mut buffer = vec![0_u8; 64 << 10];
    let mut first = shorter;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Some(hash.finalize().into()), metadata));
        }
        let mut bytes = &buffer[..read];
        if std::mem::take(&mut first)
            && bytes.starts_with(b"#!")
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        {
            hash.update(&bytes[..end]);
            hash.update(b"\r");
            bytes = &bytes[end..];
        }
        hash.update(bytes);
    }
}
