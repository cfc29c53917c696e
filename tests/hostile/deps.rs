//! Lockfiles that are broken, half there, made to exhaust a reader or to pass for another one.
//!
//! A lockfile is read or refused; what must never happen is a smaller set of packages than the whole
//! file has, and nobody who hears of it.

#[path = "deps/lockfiles.rs"]
mod lockfiles;

use lockfiles::{FORMS, Form};
use ringfence_project::graph::{Graph, GraphError, Manifest};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn read(form: &Form, text: &str) -> Result<BTreeSet<String>, GraphError> {
    let manifest = form.manifest.map(|text| Manifest { folder: "", text });
    let graph = Graph::read(form.file, text, manifest.as_slice())?;
    Ok(graph.packages.iter().map(ringfence_project::graph::Package::label).collect())
}

/// Lockfiles in which looking for everything by everything takes minutes, and names as long as a file.
fn bombs() -> Vec<(&'static str, String, bool)> {
    let many = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let npm = |a: &str, more: &str| {
        format!(
            r#"{{"lockfileVersion":3,"packages":{{"node_modules/a":{{"version":"1.0.0"{a}}}{more}}}}}"#
        )
    };
    let ranges = |count| many(count, &|at| format!(r#""k{at}":"1""#));
    let optional = many(60_000, &|at| format!(r#""o{at}":"1""#));
    let meta = many(60_000, &|at| format!(r#""o{at}":{{"optional":true}}"#));
    let long = "a/".repeat(50_000);
    let patches = many(60_000, &|at| format!(r#""k{at}@1":"x""#));
    let locked = many(60_000, &|at| format!(r#""z{at}":["z{at}@1.0.0"]"#));
    let copies = many(20_000, &|at| format!(r#""k{at}":{{"version":"1"}}"#));
    let quadratic =
        format!(r#","dependencies":{{{}}},"optionalDependencies":{{{optional}}}"#, ranges(60_000));
    let peers =
        format!(r#","peerDependencies":{{{}}},"peerDependenciesMeta":{{{meta}}}"#, ranges(60_000));
    let asks =
        format!(r#","node_modules/{long}":{{"version":"1","dependencies":{{{}}}}}"#, ranges(500));
    let name = "n".repeat(1_000_000);
    vec![
        ("package-lock.json", npm(&quadratic, ""), true),
        ("package-lock.json", npm(&peers, ""), true),
        ("package-lock.json", npm("", &asks), false),
        (
            "package-lock.json",
            format!(
                r#"{{"lockfileVersion":1,"dependencies":{{"{name}":{{"version":"1","dependencies":{{{copies}}}}}}}}}"#
            ),
            false,
        ),
        (
            "bun.lock",
            format!(
                r#"{{"lockfileVersion":1,"workspaces":{{}},"patchedDependencies":{{{patches}}},"packages":{{{locked}}}}}"#
            ),
            true,
        ),
        (
            "bun.lock",
            format!(
                r#"{{"lockfileVersion":1,"workspaces":{{}},"packages":{{"{long}b":["b@1","",{{"dependencies":{{{}}}}}]}}}}"#,
                ranges(500)
            ),
            false,
        ),
        ("package-lock.json", "[".repeat(2_000_000), false),
        ("pnpm-lock.yaml", format!("lockfileVersion: {}", "[".repeat(2_000_000)), false),
    ]
}

#[test]
fn what_is_made_to_exhaust_a_reader_is_read_or_refused_at_once() {
    for (number, (file, text, is_read)) in bombs().into_iter().enumerate() {
        let begun = Instant::now();
        let read = Graph::read(file, &text, &[]);
        assert_eq!(read.is_ok(), is_read, "{number}: {:?}", read.err());
        // A second or two without optimisation; what is quadratic takes minutes.
        assert!(begun.elapsed() < Duration::from_secs(30), "{number}: {:?}", begun.elapsed());
    }
}

#[test]
fn half_a_lockfile_is_an_error_or_has_every_package() {
    for form in FORMS {
        let whole = read(form, form.text).unwrap_or_else(|error| panic!("{}: {error}", form.name));
        assert_eq!(whole.len(), form.packages, "{}: {whole:?}", form.name);
        let mut short = BTreeSet::new();
        for at in (0..form.text.len()).filter(|at| form.text.is_char_boundary(*at)) {
            let half = &form.text[..at];
            if let Ok(found) = read(form, half)
                && found != whole
            {
                // An end of line counts as the end of the line before it.
                short.insert(half.trim_end().lines().count());
            }
        }
        let short: Vec<usize> = short.into_iter().collect();
        assert_eq!(short, form.short, "{}: cut behind these lines, it passes for less", form.name);
    }
}
