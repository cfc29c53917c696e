//! `ringfence deps sbom`

use ringfence_tests::command::{Playground, other};
use ringfence_tests::{not_run, workspace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Two packages that ask for peers that exclude each other, as `npm sbom` does not forgive.
const CONFLICT: &str = r#"{
  "name": "app", "version": "1.0.0", "lockfileVersion": 3,
  "packages": {
    "": { "name": "app", "version": "1.0.0", "license": "MIT", "dependencies": { "one": "1.0.0", "two": "1.0.0" } },
    "node_modules/one": { "version": "1.0.0", "license": "MIT", "peerDependencies": { "two": "^2.0.0" },
      "integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==" },
    "node_modules/two": { "version": "1.0.0", "license": "(MIT OR Apache-2.0)" }
  }
}
"#;

const MANIFEST: &str = r#"{ "name": "app", "version": "1.0.0", "license": "MIT", "dependencies": { "one": "1.0.0", "two": "1.0.0" } }"#;

/// Most lockfiles whose bills are judged.
const MOST: usize = 40;

/// Judges bills by the official schemas and validators.
const VALIDATE: &str = include_str!("deps_sbom.py");

/// The Python that `.ci/run` gives the validators.
fn python() -> Option<PathBuf> {
    let own = workspace::root().join("target/bill-validators/bin/python");
    own.is_file().then_some(own)
}

/// What is wrong with bills: path and reasons.
fn wrong(python: &Path, playground: &Playground, bills: &[(&str, PathBuf)]) -> Vec<String> {
    let lines: Vec<String> =
        bills.iter().map(|(form, path)| format!("{form}\t{}\n", path.display())).collect();
    let list = lines.concat();
    let list_file = playground.path().join("bills");
    fs::write(&list_file, list).unwrap();
    let mut command = other(&python.to_string_lossy());
    command.args(["-c", VALIDATE]).stdin(fs::File::open(list_file).unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), bills.len(), "every bill is judged");
    said.lines().filter(|line| !line.ends_with("[]]")).map(str::to_owned).collect()
}

/// Writes both bills of a lockfile; `None` where it is refused.
fn bills(
    playground: &Playground,
    lockfile: &Path,
    number: usize,
) -> Option<Vec<(&'static str, PathBuf)>> {
    let mut bills = Vec::new();
    for form in ["cyclonedx", "spdx"] {
        let out = playground.path().join(format!("{number}.{form}.json"));
        let mut command = playground.command();
        command.args(["deps", "sbom", "--format", form, "--out"]).arg(&out).arg(lockfile);
        let run = playground.finish(&mut command);
        match run.code {
            0 => bills.push((form, out)),
            2 => {
                assert!(run.stdout.is_empty() && !out.exists(), "{run}");
                return None;
            }
            _ => unreachable!("{}: {run}", lockfile.display()),
        }
    }
    Some(bills)
}

/// The lockfiles below a folder.
fn lockfiles(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let names =
            ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];
        if path.is_dir() {
            lockfiles(&path, found);
        } else if names.contains(&name.as_str()) {
            found.push(path);
        }
    }
}

#[test]
fn bills_fit_the_official_schemas_whatever_lockfile_they_are_of() {
    let Some(python) = python() else {
        return not_run("the validators of bills are not installed: see .ci/run");
    };
    let corpus = workspace::root().join("../shared/corpora/lockfiles");
    let mut found = vec![workspace::root().join("tests/node/package-lock.json")];
    if corpus.is_dir() {
        lockfiles(&corpus, &mut found);
    } else {
        not_run("the lockfiles of other projects are not there: ../shared/corpora/lockfiles");
    }
    found.sort();
    // The validators take seconds for a large bill: lockfiles from all over the corpus, and no more.
    let found: Vec<PathBuf> = found.iter().step_by(found.len().div_ceil(MOST)).cloned().collect();
    let playground = Playground::new();
    let written: Vec<_> = found
        .iter()
        .enumerate()
        .filter_map(|(number, lockfile)| bills(&playground, lockfile, number))
        .flatten()
        .collect();
    assert!(
        written.len() >= 2 && (!corpus.is_dir() || written.len() > found.len()),
        "{} of {}",
        written.len(),
        found.len()
    );
    let wrong = wrong(&python, &playground, &written);
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), written.len());
    // The control: the same validators refuse what is no bill.
    let mut broken = Vec::new();
    for (form, path) in &written[..2] {
        let text = fs::read_to_string(path).unwrap();
        let text =
            text.replace("\"library\"", "\"book\"").replace("SPDXRef-DOCUMENT", "SPDXRef DOCUMENT");
        let path = playground.path().join(format!("broken.{form}"));
        fs::write(&path, text).unwrap();
        broken.push((*form, path));
    }
    assert_eq!(self::wrong(&python, &playground, &broken).len(), 2);
}

#[test]
fn a_bill_is_written_where_npm_gives_up() {
    let playground =
        Playground::new().with("package-lock.json", CONFLICT).with("package.json", MANIFEST);
    let mut npm = other("npm");
    npm.args(["sbom", "--sbom-format=cyclonedx", "--package-lock-only"]);
    npm.env("HOME", playground.path()).current_dir(playground.path());
    let Ok(output) = npm.output() else {
        return not_run("npm is not installed: apt-get install npm");
    };
    assert!(!output.status.success() && output.stdout.is_empty(), "npm writes no bill of it");
    let run = playground.run(["deps", "sbom"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    let bill: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(components(&bill), ["one@1.0.0", "two@1.0.0"].map(str::to_owned).into());
    assert_eq!(bill["components"][0]["hashes"][0]["alg"], "SHA-512");
}

/// `name@version` of every component.
fn components(bill: &Value) -> BTreeSet<String> {
    let all = bill["components"].as_array().unwrap().iter();
    all.map(|one| {
        let scope = one["group"].as_str().map(|scope| format!("{scope}/")).unwrap_or_default();
        format!("{scope}{}@{}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn a_bill_has_the_components_of_npms_own() {
    let root = workspace::root().join("tests/node");
    let playground = Playground::new();
    for name in ["package.json", "package-lock.json"] {
        fs::copy(root.join(name), playground.path().join(name)).unwrap();
    }
    for omit in [&[][..], &["--omit", "dev"]] {
        let mut npm = other("npm");
        npm.args(["sbom", "--sbom-format=cyclonedx", "--package-lock-only"]).args(omit);
        npm.env("HOME", playground.path()).current_dir(playground.path());
        let Ok(output) = npm.output() else {
            return not_run("npm is not installed: apt-get install npm");
        };
        let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
        // npm names each by its group already.
        let theirs: BTreeSet<String> = theirs["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                format!("{}@{}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap())
            })
            .collect();
        let run = playground.run([&["deps", "sbom"][..], omit].concat());
        let ours: Value = serde_json::from_str(&run.stdout).unwrap();
        assert!(theirs.len() > 10);
        assert_eq!(components(&ours), theirs);
    }
}

#[test]
fn the_same_lockfile_gives_the_same_bytes_and_the_build_says_when() {
    let playground = Playground::new().with("package-lock.json", CONFLICT);
    let at = |when: &str, form: &str| {
        let mut command = playground.command();
        command.env("SOURCE_DATE_EPOCH", when).args(["deps", "sbom", "--format", form]);
        playground.finish(&mut command)
    };
    for form in ["cyclonedx", "spdx"] {
        let run = at("1700000000", form);
        assert!(run.code == 0 && run.stdout.contains("2023-11-14T22:13:20Z"), "{run}");
        assert_eq!(run.stdout, at("1700000000", form).stdout);
    }
    for wrong in ["yesterday", "-1", "999999999999999"] {
        let run = at(wrong, "cyclonedx");
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    }
}

#[test]
fn what_is_needed_to_develop_can_be_left_out() {
    let lock = CONFLICT.replace(
        "\"dependencies\": { \"one\": \"1.0.0\", \"two\"",
        "\"dependencies\": { \"one\": \"1.0.0\" }, \"devDependencies\": { \"two\"",
    );
    let lock = lock.replace("\"peerDependencies\": { \"two\": \"^2.0.0\" },", "");
    let playground = Playground::new().with("package-lock.json", &lock);
    let of = |more: &[&str]| {
        let run = playground.run([&["deps", "sbom"], more].concat());
        components(&serde_json::from_str(&run.stdout).unwrap())
    };
    assert_eq!(of(&[]).len(), 2);
    assert_eq!(of(&["--omit", "dev"]), ["one@1.0.0".to_owned()].into());
}
