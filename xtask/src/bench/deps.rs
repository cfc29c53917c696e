//! Lockfiles: what a review, a bill, an audit and a verification cost as whole processes, beside the
//! tools that people run today.
//!
//! Reviews find no tarball anywhere but where the table says so: what they find elsewhere is a matter of
//! the machine. Audits ask an index of made-up advisories, as many as there are of npm.
//! The smaller lockfile is a real one of another project where it is at hand, else joined of our own
//! services'; the larger one is joined, each copy under names of its own, so that every run has the same.
//! Two changes are reviewed: some tens of patches, and the whole file as new. Every round runs every
//! program once, in an order that rotates; the first round only warms the page cache. Peers judge other
//! things than we do, so that ratios say what a step of CI takes and not whose code is better.

mod advisories;
mod lockfiles;

use crate::bench::report::{Bound, Limit, Report};
use crate::failure::Failure;
use crate::places::{self, Build};
use crate::printer::{say, step, table};
use crate::process;
use lockfiles::{changed, joined, manifest, one_package};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(10);

/// A lockfile of npm's own tests with 1,306 packages, where lockfiles of other projects are at hand.
const REAL: &str =
    "../shared/corpora/lockfiles/npm+cli/smoke-tests/test/fixtures/large-install/package-lock.json";

/// The packages of the tree that is verified; together more than 500.
const TREE: &str = r#"{"private": true, "dependencies": {"node-red": "5.0.7", "verdaccio": "6.10.4"},
  "overrides": {"node-fetch": "2.7.0"}}"#;

const PEERS: [&str; 2] = ["lockfile-lint@5.0.1", "@cyclonedx/cyclonedx-npm@6.0.1"];

/// Who runs a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Somebody who has no caches.
    Nobody,
    /// Who installed the tree, and so has npm's cache with its tarballs.
    Installer,
}

/// Stands for the path of the index of advisories.
const INDEX: &str = "INDEX";

/// What is run on both lockfiles: the names of it, who runs it, its words.
const OURS: [((&str, &str), Home, &[&str]); 7] = [
    (("review of 1,350", "review of 5,000"), Home::Nobody, &["review", "before.json", LOCK]),
    (
        ("review of 1,350, all new", "review of 5,000, all new"),
        Home::Nobody,
        &["review", "none.json", LOCK],
    ),
    // The round that warms up learns what is in the tarballs.
    (
        ("review of 1,350, all new, learnt", "review of 5,000, all new, learnt"),
        Home::Installer,
        &["review", "none.json", LOCK],
    ),
    (("sbom of 1,350, CycloneDX", "sbom of 5,000, CycloneDX"), Home::Nobody, &["sbom", LOCK]),
    (
        ("sbom of 1,350, SPDX", "sbom of 5,000, SPDX"),
        Home::Nobody,
        &["sbom", LOCK, "--format", "spdx"],
    ),
    (("audit of 1,350", "audit of 5,000"), Home::Nobody, &["audit", LOCK, "--advisories", INDEX]),
    (
        ("audit of 1,350 as JSON", "audit of 5,000 as JSON"),
        Home::Nobody,
        &["audit", LOCK, "--advisories", INDEX, "--format", "json"],
    ),
];

const LOCK: &str = "package-lock.json";

/// One program with its words, and what each run of it took.
struct Way {
    name: &'static str,
    words: Vec<PathBuf>,
    folder: PathBuf,
    /// The folder of npm's cache and of everything else that a user keeps.
    home: Option<PathBuf>,
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
    report.also("processes", ways.iter().map(Way::json).collect());
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
    let large = joined(5000)?;
    let index = advisories::index(ringfence, folder, &[&small, &large])?;
    let tree = tree(folder)?;
    let mut ways = Vec::new();
    for (size, lock) in [("1,350", small), ("5,000", large)] {
        let place = folder.join(size);
        write(&place.join("before.json"), &changed(&lock))?;
        write(&place.join("none.json"), &one_package())?;
        write(&place.join("package-lock.json"), &lock)?;
        write(&place.join("package.json"), &manifest(&lock))?;
        let count = lock["packages"].as_object().map_or(0, Map::len);
        say(format!("{}: {count} entries", place.join("package-lock.json").display()));
        let alone = folder.join("nobody");
        for (names, home, words) in OURS {
            let name = if size == "5,000" { names.1 } else { names.0 };
            let words =
                words.iter().map(|word| if *word == INDEX { index.clone() } else { word.into() });
            let words = [ringfence.to_path_buf(), "deps".into()].into_iter().chain(words).collect();
            let home = if home == Home::Nobody { &alone } else { &tree.home };
            ways.push(Way::new(name, words, &place).at_home(home));
        }
        if size == "1,350" {
            ways.extend(peers(folder, &place)?);
        }
    }
    let words = [ringfence, "deps".as_ref(), "verify".as_ref()].map(PathBuf::from);
    ways.push(Way::new("verify", words.into(), &tree.folder).at_home(&tree.home));
    Ok(ways)
}

impl Way {
    fn new(name: &'static str, words: Vec<PathBuf>, folder: &Path) -> Self {
        let folder = folder.to_path_buf();
        let (millis, cpu_millis, mebibytes) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, words, folder, home: None, peer: false, millis, cpu_millis, mebibytes }
    }

    /// The same for a user with this home.
    fn at_home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_path_buf());
        self
    }

    /// Runs it once. Findings are no failure; an error of ours is.
    fn measure(&mut self, counts: bool) -> Result<(), Failure> {
        let told = self.folder.join("time");
        let mut command: Command = process::command("time");
        command.args(["-f", "%U %S %M", "-o"]).arg(&told).args(&self.words);
        command.current_dir(&self.folder);
        if let Some(home) = &self.home {
            living(&mut command, home);
        }
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

impl Way {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "peer": self.peer,
            "wall_ms": { "median": median(&self.millis), "best": best(&self.millis), "rounds": self.millis },
            "cpu_ms": { "median": median(&self.cpu_millis), "rounds": self.cpu_millis },
            "mebibytes": { "median": median(&self.mebibytes), "rounds": self.mebibytes },
        })
    }
}

/// The programs that others run on a lockfile.
fn peers(folder: &Path, place: &Path) -> Result<Vec<Way>, Failure> {
    let installed = folder.join("peers");
    if !installed.join("node_modules/.bin/lockfile-lint").exists() {
        write(&installed.join("package.json"), &json!({ "private": true }))?;
        npm(&installed, &[&["install", "--ignore-scripts"][..], &PEERS].concat(), None)?;
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

/// A tree that npm installed, and who did.
struct Tree {
    folder: PathBuf,
    home: PathBuf,
}

/// A tree that npm installed, with npm's cache warm.
fn tree(folder: &Path) -> Result<Tree, Failure> {
    let tree = Tree { folder: folder.join("tree"), home: folder.join("installer") };
    let installed = tree.folder.join("node_modules/.package-lock.json").exists();
    if !installed || !tree.home.join("npm/_cacache").exists() {
        std::fs::create_dir_all(&tree.folder)
            .map_err(Failure::file("cannot create", &tree.folder))?;
        let manifest = tree.folder.join("package.json");
        std::fs::write(&manifest, TREE).map_err(Failure::file("cannot write", &manifest))?;
        // The cache is filled from the start, though the tree may be there.
        let modules = tree.folder.join("node_modules");
        if modules.exists() {
            std::fs::remove_dir_all(&modules).map_err(Failure::file("cannot remove", &modules))?;
        }
        npm(&tree.folder, &["install", "--ignore-scripts"], Some(&tree.home))?;
    }
    Ok(tree)
}

fn npm(folder: &Path, words: &[&str], home: Option<&Path>) -> Result<(), Failure> {
    let mut command = process::command("npm");
    command.args(words).args(["--loglevel=error", "--no-audit", "--no-fund"]).current_dir(folder);
    if let Some(home) = home {
        command.env("npm_config_cache", home.join("npm"));
    }
    process::run(&mut command, b"", PATIENCE)?.success("npm").map(|_| ())
}

/// Lets a program find the caches of this home and no other.
fn living(command: &mut Command, home: &Path) {
    command.env("npm_config_cache", home.join("npm"));
    command.env("XDG_CACHE_HOME", home.join("cache")).env("XDG_DATA_HOME", home.join("data"));
}

fn told(ways: &[Way]) {
    let heading = ["", "wall, ms", "best", "CPU, ms", "MiB", "of review"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    let base = ways.first().and_then(|way| median(&way.millis));
    for way in ways {
        let cell = |number: Option<f64>| number.map_or("-".to_owned(), |one| format!("{one:.1}"));
        let wall = median(&way.millis);
        let of = wall.zip(base).map(|(wall, base)| wall / base);
        let best = best(&way.millis);
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
    let fastest = |name: &str| of(name).and_then(|way| best(&way.millis));
    for (name, most) in [
        ("review of 1,350", 20.0),
        ("review of 1,350, all new", 20.0),
        ("review of 5,000", 80.0),
        ("review of 5,000, all new", 80.0),
        ("sbom of 5,000, CycloneDX", 50.0),
        ("sbom of 5,000, SPDX", 50.0),
        ("verify", 2000.0),
    ] {
        let (measured, bound) = (wall(name), Bound::AtMost(most));
        // The best round is what the program takes; a median above it is the machine.
        let noisy = fastest(name).is_some_and(|best| best <= most);
        report.limit(Limit { name, measured, bound, noisy });
    }
    let memory = of("review of 1,350").and_then(|way| median(&way.mebibytes));
    let (name, bound) = ("memory of a review of 1,350, MiB", Bound::AtMost(20.0));
    report.limit(Limit { name, measured: memory, bound, noisy: false });
}

fn best(numbers: &[f64]) -> Option<f64> {
    numbers.iter().copied().reduce(f64::min)
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
