//! False alarms: how many ordinary updates fail a review of their lockfiles.
//!
//! The updates are successive versions of packages that ship an `npm-shrinkwrap.json`
//! (`benches/shrinkwraps.txt`), fetched by npm from the registry it is configured to use and kept
//! below the target folder, never in the checkout. Some of the packages were read while signals were
//! tuned; the others were put aside before and are counted apart. Rules that fit what they were made for
//! prove nothing: packages that nobody read do, and with so few of them the interval says how much.
//!
//! Every alarm counts as false, though a release or two were taken over or protested in the day.

use crate::failure::Failure;
use crate::npm;
use crate::places::{self, Build};
use crate::printer::{say, step, table};
use crate::process;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Versions in a run of neighbours.
const RUN: usize = 6;

/// Runs of a package, at most.
const RUNS: usize = 8;

/// Places of a history where a shrinkwrap is looked for.
const LOOKS: usize = 20;

/// Alarms of an update that are printed; the JSON file has all.
const SHOWN: usize = 8;

/// Alarms in 100 updates that a reviewer bears.
const BEARABLE: f64 = 2.0;

/// Standard deviations on both sides that 95 in 100 lie within.
const SURE: f64 = 1.96;

const MINUTE: Duration = Duration::from_mins(1);

/// Fetches what is missing, reviews every update and counts.
pub(crate) fn run() -> Result<(), Failure> {
    step("Building");
    let ringfence = places::ringfence(Build::Dev)?;
    let folder = places::target()?.join("alarms");
    std::fs::create_dir_all(&folder).map_err(Failure::file("cannot create", &folder))?;
    let (mut updates, mut not_run) = (Vec::new(), Vec::new());
    step("Fetching and reviewing");
    for (half, name) in packages()? {
        process::check_interrupted()?;
        let before = updates.len();
        match history(&name, &folder) {
            Ok(runs) => {
                for pair in runs.iter().flat_map(|run| run.windows(2)) {
                    updates.push(review(&ringfence, half, &name, &pair[0], &pair[1])?);
                }
            }
            Err(error) => not_run.push(format!("{name}: {error}")),
        }
        say(format!("{name}: {} updates", updates.len() - before));
    }
    told(&updates, &not_run)
}

/// Which half a package is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Tuned,
    Held,
}

impl Half {
    const fn name(self) -> &'static str {
        match self {
            Self::Tuned => "tuned",
            Self::Held => "held",
        }
    }
}

fn packages() -> Result<Vec<(Half, String)>, Failure> {
    let path = places::root().join("benches/shrinkwraps.txt");
    let text = std::fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = lines.map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["tuned", name] => Ok((Half::Tuned, name.to_owned())),
        ["held", name] => Ok((Half::Held, name.to_owned())),
        _ => Err(Failure::NotHeld(format!("{}: {line}", path.display()))),
    });
    read.collect()
}

/// A version that was fetched.
#[derive(Debug, Clone)]
struct Version {
    name: String,
    /// When the registry got it, as it says.
    time: String,
    /// Holds its shrinkwrap and its manifest.
    folder: PathBuf,
}

/// The runs of neighbouring versions that have a shrinkwrap, oldest first. Versions spread over the
/// whole history are looked at, since most packages shipped one for a part of it.
fn history(name: &str, folder: &Path) -> Result<Vec<Vec<Version>>, Failure> {
    let folder = folder.join(name.replace('/', "+"));
    let list = folder.join("times.json");
    if !list.exists() {
        let text = npm::ask(&places::root(), &["view", name, "time", "--json"])?;
        std::fs::create_dir_all(&folder).map_err(Failure::file("cannot create", &folder))?;
        std::fs::write(&list, text).map_err(Failure::file("cannot write", &list))?;
    }
    let text = std::fs::read_to_string(&list).map_err(Failure::file("cannot read", &list))?;
    let times: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|error| Failure::NotHeld(format!("{}: {error}", list.display())))?;
    let mut all: Vec<_> =
        times.iter().filter_map(|(name, time)| Some((numbers(name)?, name, time))).collect();
    all.sort();
    let look = |end: usize| -> Result<Option<Version>, Failure> {
        let (_, version, time) = &all[end];
        let folder = folder.join(version.as_str());
        fetch(name, version, &folder)?;
        let has = folder.join("npm-shrinkwrap.json").exists();
        Ok(has.then(|| Version { name: (*version).clone(), time: moment(time), folder }))
    };
    let places: BTreeSet<usize> =
        (1..=LOOKS).filter_map(|part| (all.len() * part / LOOKS).checked_sub(1)).collect();
    let mut ends = Vec::new();
    for place in places {
        if look(place)?.is_some() {
            ends.push(place);
        }
    }
    // The newest, the oldest, and what lies between them.
    let step = ends.len().div_ceil(RUNS).max(1);
    let mut runs: Vec<Vec<Version>> = Vec::new();
    let mut begun = all.len();
    for end in ends.into_iter().rev().step_by(step) {
        let mut run = Vec::new();
        for place in end.saturating_sub(RUN - 1)..=end.min(begun.saturating_sub(1)) {
            run.extend(look(place)?);
        }
        begun = end.saturating_sub(RUN - 1);
        runs.insert(0, run);
    }
    Ok(runs)
}

/// The numbers of a version that is a release.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let parts: Vec<u64> =
        version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// The moment without fractions and offset: a mirror writes both.
fn moment(time: &str) -> String {
    format!("{}Z", time.get(..19).unwrap_or(time))
}

/// Fetches the tarball of a version and keeps its shrinkwrap and its manifest. A folder without them
/// says that it was looked at.
fn fetch(name: &str, version: &str, folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        return Ok(());
    }
    let scratch = tempfile::tempdir().map_err(Failure::file("cannot create", "a folder"))?;
    let what = format!("{name}@{version}");
    let cache = scratch.path().join("cache").display().to_string();
    let packed = npm::ask(scratch.path(), &["pack", &what, "--cache", &cache, "--ignore-scripts"]);
    let tarball = files(scratch.path(), "tgz");
    let inside = scratch.path().join("inside");
    std::fs::create_dir_all(&inside).map_err(Failure::file("cannot create", &inside))?;
    match (packed, tarball) {
        (Ok(_), Some(tarball)) => {
            let mut tar = process::command("tar");
            tar.args(["--extract", "--wildcards", "--strip-components=1"]).arg("--file");
            tar.arg(&tarball).arg("--directory").arg(&inside);
            tar.args(["--no-wildcards-match-slash", "*/package.json", "*/npm-shrinkwrap.json"]);
            // Fails where there is no shrinkwrap, which is what is asked.
            process::run(&mut tar, b"", 2 * MINUTE)?;
        }
        (Err(error), _) => say(format!("{what} cannot be had: {error}")),
        (Ok(_), None) => say(format!("{what} has no tarball")),
    }
    std::fs::create_dir_all(folder).map_err(Failure::file("cannot create", folder))?;
    for file in ["package.json", "npm-shrinkwrap.json"] {
        let (from, to) = (inside.join(file), folder.join(file));
        if from.exists() && inside.join("npm-shrinkwrap.json").exists() {
            std::fs::copy(&from, &to).map_err(Failure::file("cannot write", &to))?;
        }
    }
    Ok(())
}

/// The first file of a folder with this ending.
fn files(folder: &Path, ending: &str) -> Option<PathBuf> {
    let all = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    all.into_iter().find(|path| path.extension().is_some_and(|own| own == ending))
}

/// What a review of an update said.
#[derive(Debug)]
struct Update {
    half: Half,
    what: String,
    /// Findings from high up: code, package, message.
    alarms: Vec<[String; 3]>,
    /// Why it could not be reviewed.
    refused: Option<String>,
}

fn review(
    ringfence: &Path,
    half: Half,
    name: &str,
    old: &Version,
    new: &Version,
) -> Result<Update, Failure> {
    let mut command = process::command(ringfence);
    command.args(["deps", "review"]).arg(&old.folder).arg(&new.folder);
    // A mirror says when it got a version, which is never before it was published.
    let now = old.time.as_str().max(new.time.as_str());
    command.args(["--now", now, "--format", "json"]);
    // No boundary file lies there: the defaults hold.
    command.current_dir(old.folder.parent().unwrap_or(&old.folder));
    let said = process::run(&mut command, b"", MINUTE)?;
    let what = format!("{name} {} -> {}", old.name, new.name);
    let Ok(told) = serde_json::from_str::<Value>(&said.stdout) else {
        let refused = Some(said.stderr.trim().to_owned());
        return Ok(Update { half, what, alarms: Vec::new(), refused });
    };
    let findings = told.get("findings").and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |finding: &Value, key| {
        finding.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let loud = findings.iter().filter(|one| {
        matches!(one.get("severity").and_then(Value::as_str), Some("high" | "critical"))
    });
    let alarms = loud.map(|one| ["code", "package", "message"].map(|key| word(one, key))).collect();
    Ok(Update { half, what, alarms, refused: None })
}

fn told(updates: &[Update], not_run: &[String]) -> Result<(), Failure> {
    step("Alarms");
    for update in updates.iter().filter(|update| !update.alarms.is_empty()) {
        say(format!("{} ({})", update.what, update.half.name()));
        for [code, package, message] in update.alarms.iter().take(SHOWN) {
            say(format!("    {code}: {package} {message}"));
        }
        if update.alarms.len() > SHOWN {
            say(format!("    and {} more", update.alarms.len() - SHOWN));
        }
    }
    for update in updates {
        if let Some(why) = &update.refused {
            say(format!("not reviewed: {}: {why}", update.what));
        }
    }
    for why in not_run {
        say(format!("not run: {why}"));
    }
    step("Updates with an alarm");
    let heading = ["", "packages", "updates", "alarmed", "in 100", "95 % within", "limit"];
    let heading = heading.map(str::to_owned).to_vec();
    let halves = [Half::Tuned, Half::Held].map(|half| counted(updates, half));
    let rows = halves.iter().map(|half| {
        let (low, high) = half.interval();
        vec![
            half.name.to_owned(),
            half.packages.to_string(),
            half.updates.to_string(),
            half.alarmed.to_string(),
            format!("{:.1}", half.rate()),
            format!("{low:.1} to {high:.1}"),
            format!("<= {BEARABLE}"),
        ]
    });
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
    for half in &halves {
        for (code, count) in &half.codes {
            say(format!("{}: {code} in {count} updates", half.name));
        }
    }
    write(updates, &halves, not_run)
}

/// The figures of a half.
struct Counted {
    name: &'static str,
    /// Packages of which an update was reviewed.
    packages: usize,
    updates: u32,
    alarmed: u32,
    /// Updates in which a code was an alarm.
    codes: BTreeMap<String, usize>,
}

impl Counted {
    fn rate(&self) -> f64 {
        100.0 * f64::from(self.alarmed) / f64::from(self.updates.max(1))
    }

    /// In 100 updates, what the count leaves open (Wilson's interval). Updates of one package are alike,
    /// which this does not know: it is wider in truth.
    fn interval(&self) -> (f64, f64) {
        let (count, all) = (f64::from(self.alarmed), f64::from(self.updates.max(1)));
        let (share, square) = (count / all, SURE * SURE);
        let middle = share + square / (2.0 * all);
        let width = SURE * (share * (1.0 - share) / all + square / (4.0 * all * all)).sqrt();
        let whole = 1.0 + square / all;
        (100.0 * (middle - width).max(0.0) / whole, 100.0 * (middle + width) / whole)
    }
}

fn counted(updates: &[Update], half: Half) -> Counted {
    let own = || updates.iter().filter(|one| one.half == half && one.refused.is_none());
    let mut codes = BTreeMap::new();
    for update in own() {
        let loud: BTreeSet<&String> = update.alarms.iter().map(|[code, ..]| code).collect();
        for code in loud {
            *codes.entry(code.clone()).or_insert(0) += 1;
        }
    }
    let count = |all: usize| u32::try_from(all).unwrap_or(u32::MAX);
    let packages: BTreeSet<&str> = own().filter_map(|one| one.what.split(' ').next()).collect();
    Counted {
        name: half.name(),
        packages: packages.len(),
        updates: count(own().count()),
        alarmed: count(own().filter(|one| !one.alarms.is_empty()).count()),
        codes,
    }
}

fn write(updates: &[Update], halves: &[Counted], not_run: &[String]) -> Result<(), Failure> {
    let folder = places::target()?.join("bench");
    std::fs::create_dir_all(&folder).map_err(Failure::file("cannot create", &folder))?;
    let path = folder.join("alarms.json");
    let halves = halves.iter().map(|half| {
        let (low, high) = half.interval();
        json!({
            "half": half.name, "packages": half.packages, "updates": half.updates,
            "alarmed": half.alarmed, "in_100": half.rate(), "interval": [low, high],
            "at_most": BEARABLE, "codes": half.codes,
        })
    });
    let alarms = updates.iter().filter(|update| !update.alarms.is_empty());
    let alarms = alarms
        .map(|one| json!({ "update": one.what, "half": one.half.name(), "alarms": one.alarms }));
    let refused =
        updates.iter().filter_map(|one| Some(format!("{}: {}", one.what, one.refused.as_ref()?)));
    let told = json!({
        "halves": halves.collect::<Vec<_>>(),
        "alarms": alarms.collect::<Vec<_>>(),
        "not_run": not_run.iter().cloned().chain(refused).collect::<Vec<_>>(),
    });
    std::fs::write(&path, format!("{told:#}\n")).map_err(Failure::file("cannot write", &path))?;
    say(format!("\nwritten: {}", path.display()));
    Ok(())
}
