//! The pages keep step with the code: keys, codes, fields and numbers that exist are described, and
//! what they name exists.

use crate::table;
use ringfence_tests::command::Playground;
use ringfence_tests::workspace;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn page(name: &str) -> String {
    workspace::text(Path::new(name)).unwrap()
}

/// What stands in backticks.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn schema(arguments: &[&str]) -> Value {
    let run = Playground::new().run(arguments);
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_key_of_the_boundary_file_is_described() {
    let text = page("docs/boundary-file.md");
    let schema = schema(&["schema"]);
    let tables = schema["definitions"].as_object().unwrap().values();
    let tables = tables.filter(|table| table["properties"].is_object());
    for key in tables.chain([&schema]).flat_map(keys) {
        let described = named(&text).any(|name| {
            name == key
                || name.trim_matches(['[', ']']).split('.').next() == Some(key)
                || name.starts_with(&format!("{key} = "))
                || name.contains(&format!("{{ {key} = "))
                || name.contains(&format!(", {key} = "))
        });
        assert!(described, "docs/boundary-file.md does not describe {key}");
    }
}

#[test]
fn every_code_of_a_mistake_is_listed() {
    let text = page("docs/boundary-file.md");
    let codes = page("crates/policy/src/diagnostic.rs");
    let codes = codes.lines().filter_map(|line| {
        let (_, code) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
        code.strip_suffix("\",")
    });
    let codes: Vec<&str> = codes.collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert!(named(&text).any(|name| name == code), "docs/boundary-file.md lacks {code}");
    }
}

#[test]
fn every_field_kind_and_action_of_an_event_is_described() {
    let text = page("docs/events.md");
    let schema = schema(&["schema", "--events"]);
    let values = ["Kind", "Action"].into_iter().flat_map(|name| {
        let of = schema["$defs"][name]["oneOf"].as_array().unwrap().iter();
        of.map(|value| value["const"].as_str().unwrap())
    });
    for name in keys(&schema).into_iter().chain(values) {
        assert!(named(&text).any(|known| known == name), "docs/events.md lacks {name}");
    }
}

#[test]
fn every_test_and_row_of_the_specification_exists() {
    let (text, tests) = (page("SPECIFICATION.md"), table::tests());
    let packaged = table::tests_of_the_package();
    let bench: String = ["engine", "proof", "learn"]
        .map(|name| page(&format!("xtask/src/bench/{name}.rs")))
        .concat();
    for row in rows_held_by(&text) {
        let held = row.trim_end_matches('|').rsplit(" | ").next().unwrap().trim();
        let (kind, _) = held.split_once(' ').unwrap_or((held, ""));
        for name in named(held) {
            let exists = match kind {
                "bench" => bench.contains(&format!("\"{name}\"")),
                "node" => workspace::root().join(format!("tests/node/cases/{name}.mjs")).is_file(),
                "npm" => packaged.contains(name),
                "suite" | "`cargo" => is_run_by_xtask(name),
                "test" | "tests" => tests.contains(name),
                _ => false,
            };
            assert!(exists, "there is no {kind} {name}");
        }
    }
}

/// Whether it is a bench or a suite of its own: `cargo xtask bench NAME`, or the name of a suite.
fn is_run_by_xtask(name: &str) -> bool {
    let path = match name.strip_prefix("cargo xtask bench ") {
        Some(bench) => format!("xtask/src/bench/{bench}.rs"),
        None => format!("tests/{name}/main.rs"),
    };
    workspace::root().join(path).is_file()
}

/// The rows of the tables whose last column says what holds them.
fn rows_held_by(text: &str) -> Vec<&str> {
    let tables = text.split("\n\n").filter_map(|part| part.split_once("held by |\n"));
    tables.flat_map(|(_, rows)| rows.lines().filter(|row| row.starts_with("| "))).collect()
}

#[test]
fn every_page_is_in_the_index() {
    let index = workspace::text(Path::new("docs/README.md")).unwrap();
    for page in workspace::files("docs") {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let linked = name == "README.md" || index.contains(&format!("({name})"));
        assert!(linked, "docs/README.md does not lead to {name}");
    }
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let pages = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "SPECIFICATION.md"];
    let pages = pages.map(PathBuf::from).into_iter().chain(workspace::files("docs"));
    for page in pages {
        let text = workspace::text(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = link.split('#').next().unwrap_or(link);
            let target = workspace::root().join(&page).parent().unwrap().join(target);
            assert!(target.exists(), "{} leads nowhere: {link}", page.display());
        }
    }
}
