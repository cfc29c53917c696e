//! `ringfence deps inspect`

use super::look::{Look, Places, bytes};
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::Printer;
use crate::table::{Cell, draw};
use ringfence_deps::evidence::{Packument, RegistryFacts, TarballFacts, Version};
use ringfence_deps::ranges;
use ringfence_deps::similar::Names;
use ringfence_deps::tarball::{Limits, Tarball, TarballError};
use ringfence_policy::display::{quoted, untrusted};
use ringfence_policy::time;
use ringfence_project::graph::Integrity;
use ringfence_project::walk;
use serde::Serialize;
use std::path::Path;

/// Tell what a tarball holds, or a package before it is added
///
/// Scripts that an install runs, native code and programs, licence, size and repository, read from the
/// tarball itself; of a package that the registry has (--online) also who publishes it, since when,
/// whether it is deprecated, and names it could be taken for. Nothing is unpacked and nothing runs. It tells
/// and does not judge: it exits 0 when it could look, and 2 when not.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// A tarball, or NAME, NAME@VERSION, NAME@RANGE, NAME@TAG
    #[arg(value_name = "WHAT", value_hint = clap::ValueHint::AnyPath)]
    what: String,
    /// The hash that the tarball must have, as a lockfile writes it
    #[arg(long, value_name = "SHA512-...")]
    integrity: Option<String>,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    format: FormatOption,
}

/// What was seen.
#[derive(Serialize)]
struct Seen {
    schema: u32,
    name: Option<String>,
    version: Option<String>,
    /// Where its tarball was: a file, or an address.
    tarball: String,
    /// Hash of the tarball, where it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<String>,
    facts: TarballFacts,
    /// Commands it brings along.
    commands: Vec<(String, String)>,
    /// Entries that an install leaves out, and why.
    left_out: Vec<(String, &'static str)>,
    /// What is wrong with its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<Told>,
}

/// What the registry tells.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    facts: RegistryFacts,
    /// How many versions there are.
    versions: usize,
    /// The newest version's moment, in seconds since 1970.
    last_release: Option<u64>,
    latest: Option<String>,
    dependencies: Vec<(String, String)>,
    /// A known name that this one could be taken for, and why.
    similar: Option<(String, &'static str)>,
}

impl Inspect {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let path = Path::new(&self.what);
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let is_file = path.is_file()
            || ["tgz", "tar", "gz"].contains(&kind) && no_package(&self.what).is_none();
        let seen = if is_file { self.file(path)? } else { self.package(printer)? };
        match self.format.format {
            Format::Json => format::json(&seen, printer)?,
            Format::Human => printer.text(&human(&seen, printer)),
        }
        Ok(Finish::Clean)
    }

    fn file(&self, path: &Path) -> Result<Seen, CommandError> {
        let limits = Limits::default();
        let bytes = walk::bytes(path, limits.packed).map_err(|error| {
            let message = format!("cannot read {}", untrusted(&self.what));
            CommandError::new(Kind::Source, message).caused_by(&error)
        })?;
        let (tarball, integrity) = self.read(&bytes, None)?;
        Ok(seen(&tarball, self.what.clone(), integrity, None))
    }

    /// The tarball, by the hash that was asked for and the one that is known.
    fn read(
        &self,
        bytes: &[u8],
        known: Option<&str>,
    ) -> Result<(Tarball, Option<String>), CommandError> {
        let limits = Limits::default();
        let mut checked = None;
        let mut tarball = None;
        for text in [self.integrity.as_deref(), known].into_iter().flatten() {
            let integrity = Integrity::parse(text);
            if integrity.is_empty() {
                let message = format!("{} is no hash", quoted(text));
                return Err(CommandError::new(Kind::Usage, message)
                    .hint("write it as a lockfile does: sha512- and the hash in base64"));
            }
            tarball =
                Some(Tarball::read_checked(bytes, &integrity, limits).map_err(|e| refused(&e))?);
            checked = Some(text.to_owned());
        }
        let tarball = match tarball {
            Some(tarball) => tarball,
            None => Tarball::read(bytes, limits).map_err(|error| refused(&error))?,
        };
        Ok((tarball, checked))
    }

    fn package(&self, printer: &mut Printer) -> Result<Seen, CommandError> {
        if let Some(hint) = no_package(&self.what) {
            let message = format!("{} is neither a tarball nor a package", quoted(&self.what));
            return Err(CommandError::new(Kind::Source, message).hint(hint));
        }
        let places = self.look.open(Path::new("."))?;
        let (name, wanted) = split(&self.what);
        let Some(remote) = places.remote() else {
            let message = format!("{} is no file, and no registry was asked", quoted(&self.what));
            return Err(CommandError::new(Kind::Source, message)
                .hint("--online asks the registry that npm is configured to use"));
        };
        let failed = |why: String| {
            let message = format!("nothing is known of {}: {why}", quoted(&self.what));
            CommandError::new(Kind::Source, message)
        };
        printer.progress("asking the registry");
        let packument = remote.packument(name).map_err(|why| {
            failed(why)
                .hint("`npm config get registry` says which registry was asked; or name a tarball")
        })?;
        let seen = match packument {
            None => Err(failed("the registry has no package of this name".to_owned())
                .hint("look whether the name is written as it was meant")),
            Some(packument) => self.version(&places, &packument, wanted),
        };
        printer.progress("");
        seen
    }

    fn version(
        &self,
        places: &Places,
        packument: &Packument,
        wanted: &str,
    ) -> Result<Seen, CommandError> {
        let source = |message: String| CommandError::new(Kind::Source, message);
        let (number, version) = chosen(packument, wanted).ok_or_else(|| {
            let name = quoted(&packument.name);
            let told = source(format!("no version of {name} is {}", quoted(wanted)));
            match packument.tags.get("latest") {
                Some(latest) => told.hint(format!("the latest is {}", quoted(latest))),
                None => told,
            }
        })?;
        let known = version.integrity.as_deref();
        let (Some(remote), Some(url)) = (places.remote(), version.tarball.as_deref()) else {
            return Err(source("the registry names no tarball".to_owned()));
        };
        let cached = known
            .and_then(|known| places.tarballs().cached(&Integrity::parse(known)).ok().flatten());
        let (tarball, integrity) = match cached {
            Some(tarball) if self.integrity.is_none() => (tarball, known.map(str::to_owned)),
            _ => {
                let bytes = remote.tarball_at(&packument.name, url, Limits::default().packed);
                self.read(&bytes.map_err(source)?, known)?
            }
        };
        let known_names = Names::new(std::iter::empty());
        let similar = known_names.similar(&packument.name);
        let told = Told {
            facts: packument.facts(number),
            versions: packument.versions.len(),
            last_release: packument.published.as_ref().and_then(|all| all.values().max().copied()),
            latest: packument.tags.get("latest").cloned(),
            dependencies: version.dependencies.clone(),
            similar: similar.map(|(name, why)| (name.to_owned(), why.words())),
        };
        let mut seen = seen(&tarball, url.to_owned(), integrity, Some(told));
        // The tarball may call itself anything.
        if seen.name.as_deref() != Some(&packument.name) || seen.version.as_deref() != Some(number)
        {
            seen.problem = Some("its package.json has another name or version than the registry");
        }
        (seen.name, seen.version) = (Some(packument.name.clone()), Some(number.to_owned()));
        Ok(seen)
    }
}

/// What to do with something that is no package of a registry.
fn no_package(what: &str) -> Option<&'static str> {
    let hosts = ["git+", "git@", "github:", "gitlab:", "bitbucket:", "gist:"];
    if what.contains("://") || hosts.iter().any(|start| what.starts_with(start)) {
        return Some("addresses are not fetched: name the package, or a tarball of this machine");
    }
    // A folder of the same name as a package is not what is meant.
    let is_path = what.starts_with('.') || what.contains('/') && !what.starts_with('@');
    (is_path && Path::new(what).is_dir()).then_some(
        "name a tarball, as `npm pack` writes one; \
         what is installed is compared by `ringfence deps verify`",
    )
}

/// Name and version, range or tag; `latest` without one.
fn split(what: &str) -> (&str, &str) {
    let at = what.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
    at.map_or((what, "latest"), |at| (&what[..at], &what[at + 1..]))
}

/// The version that a tag names, or the newest that a range allows, deprecated ones last.
fn chosen<'a>(packument: &'a Packument, wanted: &str) -> Option<(&'a str, &'a Version)> {
    let tagged = packument.tags.get(wanted).map_or(wanted, String::as_str);
    if let Some((number, version)) = packument.versions.get_key_value(tagged) {
        return Some((number, version));
    }
    let fitting = packument
        .versions
        .iter()
        .filter(|(number, _)| ranges::satisfies(wanted, number) == Some(true));
    let order = |(number, version): &(&String, &Version)| {
        (version.deprecated.is_none(), ranges::version(number))
    };
    fitting
        .max_by(|one, two| order(one).cmp(&order(two)))
        .map(|(number, one)| (number.as_str(), one))
}

fn refused(error: &TarballError) -> CommandError {
    let told = CommandError::new(Kind::Source, "the tarball is not used").caused_by(error);
    match error {
        TarballError::Integrity { .. } => {
            told.hint("these are other bytes than were published: do not install them")
        }
        _ => told,
    }
}

fn seen(
    tarball: &Tarball,
    place: String,
    integrity: Option<String>,
    registry: Option<Told>,
) -> Seen {
    Seen {
        schema: 1,
        name: tarball.manifest.name.clone(),
        version: tarball.manifest.version.clone(),
        tarball: place,
        integrity,
        facts: tarball.facts(false),
        commands: tarball.manifest.bin.clone(),
        left_out: tarball.left_out.iter().map(|one| (one.name.clone(), one.why)).collect(),
        problem: tarball.manifest.problem,
        registry,
    }
}

fn human(seen: &Seen, printer: &Printer) -> String {
    let mut rows: Vec<[Cell; 2]> = Vec::new();
    let mut add = |name: &str, value: String| {
        rows.push([Cell::plain(name), Cell::plain(untrusted(&value).to_string())]);
    };
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    add("name", or(&seen.name, "unknown"));
    add("version", or(&seen.version, "unknown"));
    if let Some(problem) = seen.problem {
        add("problem", problem.to_owned());
    }
    add("hash", or(&seen.integrity, "not checked: no hash was given"));
    let facts = &seen.facts;
    add("licence", or(&facts.licence, "none named"));
    add("licence files", listed(&facts.licence_files));
    add("repository", or(&facts.repository, "none named"));
    add("files", format!("{}, {}", facts.files, bytes(facts.bytes)));
    let scripts: Vec<String> =
        facts.scripts.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    add("install scripts", listed(&scripts));
    let gyp = match (facts.gyp, facts.builds_by_script()) {
        (true, false) => "yes: npm runs node-gyp rebuild",
        (true, true) => "yes, and its own script runs in place of npm's node-gyp rebuild",
        (false, _) => "no",
    };
    add("binding.gyp", gyp.to_owned());
    add("native code", listed(&facts.native));
    add("programs", listed(&facts.executables));
    let commands: Vec<String> = seen.commands.iter().map(|(name, _)| name.clone()).collect();
    add("commands", listed(&commands));
    if !seen.left_out.is_empty() {
        let left: Vec<String> =
            seen.left_out.iter().map(|(name, why)| format!("{name} ({why})")).collect();
        add("left out", listed(&left));
    }
    if let Some(told) = &seen.registry {
        registry(told, &mut add);
    }
    draw(&rows, printer)
}

fn registry(told: &Told, add: &mut impl FnMut(&str, String)) {
    let Told { facts, .. } = told;
    let day = |seconds: Option<u64>| match seconds.and_then(|seconds| i64::try_from(seconds).ok()) {
        Some(seconds) => time::written(seconds),
        None => "unknown: the registry does not serve it".to_owned(),
    };
    add("deprecated", facts.deprecated.clone().unwrap_or_else(|| "no".to_owned()));
    add("published", day(facts.published));
    add("first release", day(facts.first_published));
    add("last release", day(told.last_release));
    let latest = told.latest.clone().unwrap_or_else(|| "unknown".to_owned());
    add("versions", format!("{}, latest {latest}", told.versions));
    let unknown = || "unknown: the registry does not serve it".to_owned();
    add("maintainers", facts.maintainers.as_ref().map_or_else(unknown, |all| listed(all)));
    add("published by", facts.publisher.clone().unwrap_or_else(unknown));
    let provenance = match facts.provenance {
        Some(true) => "says where it was built; not checked here",
        Some(false) => "none",
        None => "unknown",
    };
    add("provenance", provenance.to_owned());
    let dependencies: Vec<String> =
        told.dependencies.iter().map(|(name, range)| format!("{name}@{range}")).collect();
    add("depends on", listed(&dependencies));
    if let Some((name, why)) = &told.similar {
        add("similar name", format!("{name}: {why}"));
    }
}

fn listed(all: &[String]) -> String {
    const MOST: usize = 20;
    if all.is_empty() {
        return "none".to_owned();
    }
    let more = all.len().saturating_sub(MOST);
    let shown = all[..all.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
