//! Lockfiles and evidence written in a line each, for whole updates in tests.
//!
//! `name@version word...`: `script`, `gyp` and `native` are in the tarball, `needs:NAME` and `may:RANGE`
//! are what it asks for, `hours:N` is its age, `by:WHO` its publisher, `provenance` and `gone` what the
//! registry says. Names are made up, and nothing is fetched.

use super::Outcome;
use super::testing::{NOW, Told, outcome_with};
use crate::evidence::{Evidence, LockfileAlone, RegistryFacts, TarballFacts};
use serde_json::{Map, Value, json};

/// Hours of an age that nobody minds.
const SETTLED: u64 = 5000;

struct Line<'a> {
    name: &'a str,
    version: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        let mut words = line.split_whitespace();
        let (name, version) = words.next().unwrap().rsplit_once('@').unwrap();
        Self { name, version, words: words.collect() }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    fn all(&self, key: &str) -> Vec<&'a str> {
        self.words.iter().filter_map(|word| word.strip_prefix(key)).collect()
    }

    fn entry(&self) -> Value {
        let plain = self.name.rsplit('/').next().unwrap();
        let needs: Map<String, Value> =
            self.all("needs:").into_iter().map(|name| (name.to_owned(), json!("*"))).collect();
        let may: Map<String, Value> =
            self.all("may:").into_iter().map(|range| ("setup".to_owned(), json!(range))).collect();
        let licence = self.all("licence:").first().copied().unwrap_or("MIT");
        json!({
            "version": self.version,
            "resolved": format!("https://registry.example/{}/-/{plain}-{}.tgz", self.name, self.version),
            "integrity": format!("sha512-{}{}", plain.replace(['-', '.'], ""), self.version.replace(['-', '.'], "")),
            "license": licence,
            "hasInstallScript": self.has("script"),
            "dependencies": needs,
            "optionalDependencies": may,
            "cpu": self.all("cpu:"),
        })
    }

    fn tell(&self, told: Told) -> Told {
        let release = format!("{}@{}", self.name, self.version);
        let hours = self.all("hours:").first().map_or(SETTLED, |hours| hours.parse().unwrap());
        let who = self.all("by:").first().copied().unwrap_or("ann").to_owned();
        let script = ("preinstall".to_owned(), "node setup.js".to_owned());
        let native = if self.has("native") { vec!["a.node".to_owned()] } else { Vec::new() };
        told.tarball(
            &release,
            TarballFacts {
                scripts: if self.has("script") { vec![script] } else { Vec::new() },
                gyp: self.has("gyp"),
                native,
                licence: Some("MIT".to_owned()),
                ..TarballFacts::default()
            },
        )
        .registry(
            &release,
            RegistryFacts {
                published: Some(NOW - hours * 3600),
                first_published: Some(NOW - hours * 3600),
                maintainers: Some(vec![who.clone()]),
                publisher: Some(who),
                provenance: Some(self.has("provenance")),
                is_there: Some(!self.has("gone")),
                repository: Some(format!("https://code.example/{}", self.name)),
                ..RegistryFacts::default()
            },
        )
    }
}

/// The packages of a lockfile; the project asks for what no line needs.
fn packages(lines: &[&str]) -> String {
    let lines: Vec<Line<'_>> = lines.iter().map(|line| Line::read(line)).collect();
    let needed: Vec<&str> = lines.iter().flat_map(|line| line.all("needs:")).collect();
    let asked = lines.iter().filter(|line| !needed.contains(&line.name));
    let asked: Map<String, Value> = asked.map(|line| (line.name.to_owned(), json!("*"))).collect();
    let mut all = Map::new();
    all.insert(String::new(), json!({ "dependencies": asked }));
    for line in &lines {
        all.insert(format!("node_modules/{}", line.name), line.entry());
    }
    let text = Value::Object(all).to_string();
    text.trim_start_matches('{').strip_suffix('}').unwrap().to_owned()
}

/// The review of an update with everything known.
pub(super) fn reviewed(before: &[&str], after: &[&str]) -> Outcome {
    let lines = before.iter().chain(after).map(|line| Line::read(line));
    let told = lines.fold(Told::default(), |told, line| line.tell(told));
    with(before, after, &told)
}

/// The review of an update with nothing known but the lockfiles.
pub(super) fn reviewed_offline(before: &[&str], after: &[&str]) -> Outcome {
    with(before, after, &LockfileAlone)
}

fn with(before: &[&str], after: &[&str], evidence: &dyn Evidence) -> Outcome {
    outcome_with(&packages(before), &packages(after), evidence)
}
