//! Lockfiles: what a review, a bill, an audit and a verification cost as whole processes, beside the
//! tools that people run today.
//!
//! The smaller lockfile is a real one of another project where it is at hand, else joined of our own
//! services'; the larger one is joined, each copy under names of its own, so that every run has the same.
//! Two changes are reviewed: some tens of patches, and the whole file as new. Every round runs every
//! program once, in an order that rotates; the first round only warms the page cache. Peers judge other
//! things than we do, so that ratios say what a step of CI takes and not whose code is better.

use crate::bench::report::{Bound, Limit, Report};
use crate::failure::Failure;
use crate::places::{self, Build};
use crate::printer::{say, step, table};
use crate::process;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(10);

/// A lockfile of npm's own tests with 1,306 packages, where lockfiles of other projects are at hand.
const REAL: &str =
    "../shared/corpora/lockfiles/npm+cli/smoke-tests/test/fixtures/large-install/package-lock.json";

/// Services whose lockfiles are joined.
const SERVICES: [&str; 4] = ["node-red", "verdaccio", "actual", "redis-commander"];

/// The packages of the tree that is verified; together more than 500.
const TREE: &str = r#"{"private": true, "dependencies": {"node-red": "5.0.7", "verdaccio": "6.10.4"},
  "overrides": {"node-fetch": "2.7.0"}}"#;

const PEERS: [&str; 2] = ["lockfile-lint@5.0.1", "@cyclonedx/cyclonedx-npm@6.0.1"];

/// The keys of an entry that name other packages.
const NAMING: [&str; 5] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
];

/// One program with its words, and what each run of it took.
struct Way {
    name: &'static str,
    words: Vec<PathBuf>,
    folder: PathBuf,
    peer: bool,
    millis: Vec<f64>,
    cpu_millis: Vec<f64>,
    mebibytes: Vec<f64>,
}

/// Measures all ways in turn.
pub(crate) fn run(rounds: u32) -> Result<(), Failure> {
    step("Building");
    let ringfence = places::ringfence(Build::Release)?;
    if places::in_path("time").is_none() {
        let remedy = "install GNU time".to_owned();
        return Err(Failure::Missing { what: "time".to_owned(), remedy });
    }
    let folder = places::target()?.join("bench/deps");
    let mut report = Report::default();
    let mut ways = lockfiles(&ringfence, &folder, &mut report)?;
    for round in 0..=rounds {
        for turn in 0..ways.len() {
            let at = (turn + usize::try_from(round).unwrap_or_default()) % ways.len();
            // Programs that take seconds run in every third round.
            if ways[at].peer && round % 3 != 1 {
                continue;
            }
            ways[at].measure(round > 0)?;
        }
    }
    told(&ways);
    limits(&ways, &mut report);
    report.close("deps")
}

/// Writes the lockfiles and the changed ones, and says how each program is run on them.
fn lockfiles(ringfence: &Path, folder: &Path, report: &mut Report) -> Result<Vec<Way>, Failure> {
    let real = places::root().join(REAL);
    let small = if real.is_file() {
        read(&real)?
    } else {
        report.not_run("the real lockfile is not at hand: one was joined".to_owned());
        joined(1350)?
    };
    let mut ways = Vec::new();
    for (size, lock) in [("1,350", small), ("5,000", joined(5000)?)] {
        let place = folder.join(size);
        write(&place.join("before.json"), &changed(&lock))?;
        write(&place.join("none.json"), &one_package())?;
        write(&place.join("package-lock.json"), &lock)?;
        write(&place.join("package.json"), &manifest(&lock))?;
        let count = lock["packages"].as_object().map_or(0, Map::len);
        say(format!("{}: {count} entries", place.join("package-lock.json").display()));
        let large = size == "5,000";
        let ours = |small: &'static str, other: &'static str, words: &[&str]| {
            let words = words.iter().map(PathBuf::from);
            let words = [ringfence.to_path_buf(), "deps".into()].into_iter().chain(words).collect();
            Way::new(if large { other } else { small }, words, &place)
        };
        let change = ["review", "before.json", "package-lock.json"];
        ways.push(ours("review of 1,350", "review of 5,000", &change));
        ways.push(ours("review of 1,350 again", "review of 5,000 again", &change));
        let new = ["review", "none.json", "package-lock.json"];
        ways.push(ours("review of 1,350, all new", "review of 5,000, all new", &new));
        let bill = ["sbom", "package-lock.json"];
        ways.push(ours("sbom of 1,350, CycloneDX", "sbom of 5,000, CycloneDX", &bill));
        let bill = ["sbom", "package-lock.json", "--format", "spdx"];
        ways.push(ours("sbom of 1,350, SPDX", "sbom of 5,000, SPDX", &bill));
        if !large {
            ways.extend(peers(folder, &place)?);
        }
    }
    let tree = tree(folder)?;
    ways.push(Way::new(
        "verify",
        [ringfence, "deps".as_ref(), "verify".as_ref()].map(PathBuf::from).into(),
        &tree,
    ));
    Ok(ways)
}

impl Way {
    fn new(name: &'static str, words: Vec<PathBuf>, folder: &Path) -> Self {
        let folder = folder.to_path_buf();
        let (millis, cpu_millis, mebibytes) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, words, folder, peer: false, millis, cpu_millis, mebibytes }
    }

    /// Runs it once. Findings are no failure; an error of ours is.
    fn measure(&mut self, counts: bool) -> Result<(), Failure> {
        let told = self.folder.join("time");
        let mut command: Command = process::command("time");
        command.args(["-f", "%U %S %M", "-o"]).arg(&told).args(&self.words);
        command.current_dir(&self.folder);
        let begun = Instant::now();
        let said = process::run(&mut command, b"", PATIENCE)?;
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        if !self.peer && !matches!(said.status.code(), Some(0 | 1)) {
            said.success(self.name)?;
        }
        let text = std::fs::read_to_string(&told).map_err(Failure::file("cannot read", &told))?;
        let last = text.lines().last().unwrap_or_default();
        let numbers: Vec<f64> = last.split(' ').filter_map(|one| one.parse().ok()).collect();
        let [user, system, kibibytes] = numbers[..] else {
            return Err(Failure::NotHeld(format!("time said {text:?}")));
        };
        if counts {
            self.millis.push(millis);
            self.cpu_millis.push((user + system) * 1e3);
            self.mebibytes.push(kibibytes / 1024.0);
        }
        Ok(())
    }
}

/// The programs that others run on a lockfile.
fn peers(folder: &Path, place: &Path) -> Result<Vec<Way>, Failure> {
    let installed = folder.join("peers");
    if !installed.join("node_modules/.bin/lockfile-lint").exists() {
        write(&installed.join("package.json"), &json!({ "private": true }))?;
        npm(&installed, &[&["install", "--ignore-scripts"][..], &PEERS].concat())?;
    }
    let bin = |name: &str| installed.join("node_modules/.bin").join(name);
    let words = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
    let lint = ["--path", "package-lock.json", "--type", "npm", "--validate-https"];
    let all = [
        ("npm ls", words(&["npm", "ls", "--all", "--package-lock-only", "--json"])),
        ("npm sbom", words(&["npm", "sbom", "--package-lock-only", "--sbom-format=cyclonedx"])),
        ("lockfile-lint", [vec![bin("lockfile-lint")], words(&lint)].concat()),
        (
            "cyclonedx-npm",
            [
                vec![bin("cyclonedx-npm")],
                words(&["--package-lock-only", "--ignore-npm-errors", "--output-file", "bom.json"]),
            ]
            .concat(),
        ),
    ];
    let way = |(name, words)| Way { peer: true, ..Way::new(name, words, place) };
    Ok(all.into_iter().map(way).collect())
}

/// A tree that npm installed, with npm's cache warm.
fn tree(folder: &Path) -> Result<PathBuf, Failure> {
    let tree = folder.join("tree");
    if !tree.join("node_modules/.package-lock.json").exists() {
        std::fs::create_dir_all(&tree).map_err(Failure::file("cannot create", &tree))?;
        let manifest = tree.join("package.json");
        std::fs::write(&manifest, TREE).map_err(Failure::file("cannot write", &manifest))?;
        npm(&tree, &["install", "--ignore-scripts"])?;
    }
    Ok(tree)
}

fn npm(folder: &Path, words: &[&str]) -> Result<(), Failure> {
    let mut command = process::command("npm");
    command.args(words).args(["--loglevel=error", "--no-audit", "--no-fund"]).current_dir(folder);
    process::run(&mut command, b"", PATIENCE)?.success("npm").map(|_| ())
}

fn told(ways: &[Way]) {
    let heading = ["", "wall, ms", "best", "CPU, ms", "MiB", "of review"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    let base = ways.first().and_then(|way| median(&way.millis));
    for way in ways {
        let cell = |number: Option<f64>| number.map_or("-".to_owned(), |one| format!("{one:.1}"));
        let wall = median(&way.millis);
        let of = wall.zip(base).map(|(wall, base)| wall / base);
        let best = way.millis.iter().copied().reduce(f64::min);
        let (cpu, memory) = (median(&way.cpu_millis), median(&way.mebibytes));
        rows.push(
            std::iter::once(way.name.to_owned())
                .chain([wall, best, cpu, memory, of].map(cell))
                .collect(),
        );
    }
    step("Whole processes, medians");
    table(&rows);
}

fn limits(ways: &[Way], report: &mut Report) {
    let of = |name: &str| ways.iter().find(|way| way.name == name);
    let wall = |name: &str| of(name).and_then(|way| median(&way.millis));
    let best = |name: &str| of(name).and_then(|way| way.millis.iter().copied().reduce(f64::min));
    for (name, most) in [
        ("review of 1,350", 20.0),
        ("review of 5,000", 80.0),
        ("sbom of 5,000, CycloneDX", 50.0),
        ("sbom of 5,000, SPDX", 50.0),
        ("verify", 2000.0),
    ] {
        let (measured, bound) = (wall(name), Bound::AtMost(most));
        // The best round is what the program takes; a median above it is the machine.
        let noisy = best(name).is_some_and(|best| best <= most);
        report.limit(Limit { name, measured, bound, noisy });
    }
    let memory = of("review of 1,350").and_then(|way| median(&way.mebibytes));
    let (name, bound) = ("memory of a review of 1,350, MiB", Bound::AtMost(20.0));
    report.limit(Limit { name, measured: memory, bound, noisy: false });
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file("cannot read", path))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::NotHeld(format!("{}: {error}", path.display())))
}

fn write(path: &Path, value: &Value) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(Failure::file("cannot create", folder))?;
    std::fs::write(path, format!("{value:#}\n")).map_err(Failure::file("cannot write", path))
}

/// So many packages of the services' lockfiles, again and again, each time under other names.
fn joined(count: usize) -> Result<Value, Failure> {
    let mut packages = Map::new();
    let mut asked = Map::new();
    let locks = SERVICES.map(|name| {
        read(&places::root().join(format!("tests/node/services/{name}/package-lock.json")))
    });
    let locks = locks.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (copy, lock) in locks.iter().cycle().enumerate() {
        for (folder, entry) in lock["packages"].as_object().into_iter().flatten() {
            let mut entry = entry.clone();
            for key in NAMING {
                let Some(named) = entry.get(key).and_then(Value::as_object) else { continue };
                entry[key] =
                    named.iter().map(|(name, said)| (renamed(name, copy), said.clone())).collect();
            }
            if folder.is_empty() {
                asked.extend(entry["dependencies"].as_object().cloned().into_iter().flatten());
                continue;
            }
            let name = folder.rsplit("node_modules/").next().unwrap_or(folder);
            if let Some(address) = entry["resolved"].as_str() {
                let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
                let new = renamed(name, copy);
                let file = format!("/{new}/-/{}-", plain(&new));
                let address = address.replace(&format!("/{name}/-/{}-", plain(name)), &file);
                entry["resolved"] = json!(address);
            }
            packages.insert(folders(folder, copy), entry);
            if packages.len() == count {
                packages.insert(String::new(), json!({ "name": "joined", "dependencies": asked }));
                return Ok(
                    json!({ "name": "joined", "lockfileVersion": 3, "requires": true, "packages": packages }),
                );
            }
        }
    }
    Err(Failure::NotHeld("no packages are in the services' lockfiles".to_owned()))
}

fn renamed(name: &str, copy: usize) -> String {
    match name.split_once('/') {
        Some((scope, name)) => format!("{scope}/c{copy}-{name}"),
        None => format!("c{copy}-{name}"),
    }
}

/// A folder whose every name is another.
fn folders(folder: &str, copy: usize) -> String {
    let names = folder.split("node_modules/").filter(|name| !name.is_empty());
    let names = names.map(|name| renamed(name.trim_end_matches('/'), copy));
    names.map(|name| format!("node_modules/{name}")).collect::<Vec<_>>().join("/")
}

/// The same before one in forty of its packages got a patch.
fn changed(lock: &Value) -> Value {
    let mut lock = lock.clone();
    let all = lock["packages"].as_object_mut().into_iter().flatten();
    for (_, entry) in all.filter(|(folder, _)| !folder.is_empty()).step_by(40) {
        let Some(version) = entry["version"].as_str().map(str::to_owned) else { continue };
        let Some((line, patch)) = version.rsplit_once('.') else { continue };
        let Some(lower) = patch.parse::<u32>().ok().and_then(|patch| patch.checked_sub(1)) else {
            continue;
        };
        let before = format!("{line}.{lower}");
        let address = entry["resolved"].as_str().unwrap_or_default();
        let address = address.replace(&format!("-{version}.tgz"), &format!("-{before}.tgz"));
        entry["resolved"] = json!(address);
        entry["version"] = json!(before);
        entry["integrity"] = json!(format!("sha512-{}==", "A".repeat(86)));
    }
    lock
}

/// A lockfile of one package that nothing else has.
fn one_package() -> Value {
    let address =
        "https://registry.example/nothing-else-has-this/-/nothing-else-has-this-1.0.0.tgz";
    json!({ "lockfileVersion": 3, "packages": {
        "": { "dependencies": { "nothing-else-has-this": "1.0.0" } },
        "node_modules/nothing-else-has-this": { "version": "1.0.0", "resolved": address },
    } })
}

/// The manifest that the peers want beside a lockfile.
fn manifest(lock: &Value) -> Value {
    let root = &lock["packages"][""];
    json!({ "name": root["name"], "version": "1.0.0", "dependencies": root["dependencies"],
        "devDependencies": root["devDependencies"], "optionalDependencies": root["optionalDependencies"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_lockfiles_have_as_many_packages_as_were_asked_for_and_are_the_same_each_time() {
        let lock = joined(1350).unwrap();
        assert_eq!(lock["packages"].as_object().map(Map::len), Some(1351));
        assert_eq!(joined(1350).unwrap(), lock);
        assert_ne!(changed(&lock), lock);
    }

    #[test]
    fn every_name_of_a_folder_is_another() {
        assert_eq!(
            folders("node_modules/a/node_modules/@s/b", 2),
            "node_modules/c2-a/node_modules/@s/c2-b"
        );
    }
}
