//! Dependencies between the rooms go one way, and third-party weight stays in its room.

use ringfence_tests::workspace;
use serde_json::Value;

/// The rooms from the ground up: a room may use only what stands below it.
const FLOORS: [&[&str]; 8] = [
    &["policy", "sys"],
    &["project"],
    &["guard", "crypto", "secrets"],
    &["boundary"],
    &["learn", "deploy"],
    &["deps", "check"],
    &["sandbox", "respond"],
    &["cli", "node"],
];

/// Crates that may be used in one room only, by the beginning of their names.
const KEPT_IN: &[(&str, &str)] = &[
    ("oxc", "check"),
    ("wasmtime", "sandbox"),
    ("rusqlite", "sandbox"),
    ("tokio-postgres", "sandbox"),
    ("axum", "sandbox"),
    ("napi", "node"),
    ("clap", "cli"),
    ("aws-lc", "crypto"),
    ("argon2", "crypto"),
    ("x509-parser", "crypto"),
    ("k8s-openapi", "deploy"),
    ("toml_edit", "learn"),
    ("saphyr", "project"),
    ("parse-dockerfile", "project"),
    ("cel", "deploy"),
    ("zip", "guard"),
    ("ruzstd", "guard"),
    ("infer", "guard"),
    ("sigstore", "deps"),
];

/// What the pure crate must not touch.
const NOT_IN_POLICY: [&str; 5] = ["libc", "tokio", "rustix", "nix", "async-std"];

/// Packages outside the rooms: they may use everything, and nothing uses them.
const OUTSIDE: [&str; 3] = ["xtask", "ringfence-benches", "ringfence-tests"];

/// A package and the names of what it depends on, for building and for tests.
struct Package {
    name: String,
    dependencies: Vec<String>,
}

#[test]
fn every_room_uses_only_what_stands_below_it() {
    for package in packages().iter().filter(|package| !is_outside(&package.name)) {
        let own = floor(&package.name);
        for dependency in package.dependencies.iter().filter(|name| is_ours(name)) {
            assert!(
                !is_outside(dependency) && floor(dependency) < own,
                "{} must not depend on {dependency}",
                package.name
            );
        }
    }
}

#[test]
fn third_party_weight_stays_in_its_room() {
    for package in packages().iter().filter(|package| !is_outside(&package.name)) {
        for dependency in &package.dependencies {
            for &(prefix, room) in KEPT_IN {
                let kept = dependency.starts_with(prefix) && dependency != "clap_complete";
                let home = package.name == format!("ringfence-{room}");
                assert!(!kept || home, "{} uses {dependency}: only {room} may", package.name);
            }
        }
    }
}

#[test]
fn policy_is_pure() {
    let packages = packages();
    let policy = packages.iter().find(|package| package.name == "ringfence-policy").unwrap();
    for dependency in &policy.dependencies {
        assert!(!NOT_IN_POLICY.contains(&dependency.as_str()), "policy uses {dependency}");
    }
}

fn packages() -> Vec<Package> {
    let metadata = workspace::metadata();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let dependencies = value["dependencies"].as_array().unwrap();
    Package { name: name(value), dependencies: dependencies.iter().map(name).collect() }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("ringfence-") || name == "xtask"
}

fn is_outside(name: &str) -> bool {
    OUTSIDE.contains(&name)
}

fn floor(name: &str) -> usize {
    let room = name.strip_prefix("ringfence-").unwrap_or(name);
    let found = FLOORS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("{name} has no place in the order of the rooms"))
}
