//! What browsers meet: the page that `prove --report` writes, what hostile names in a boundary become
//! on it, and the module that opens envelopes and verifies signatures there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends where it cannot go on"
)]

mod browser;
mod file;
mod opened;
mod web_crypto;

use ringfence_tests::command::{Playground, Run};

/// A service that every host can start: it does nothing, successfully.
const TRUE: &str = r#"schema = 1

[service]
name = "true"
start = ["/bin/true"]

[fs]
read = ["./"]
"#;

/// Proves the boundary in a folder with these options; `None` where no boundary can be enforced.
fn prove(playground: &Playground, options: &[&str]) -> Option<Run> {
    let run = playground.run(["prove"].iter().chain(options));
    if run.code == 3 && run.stdout.is_empty() {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return None;
    }
    Some(run)
}

/// The ids of the claims and of the probes that a page or a JSON form names.
fn ids(json: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    let of = |list: &str, key: &str| {
        let entries = report[list].as_array().unwrap().iter();
        entries.map(|entry| entry[key].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut ids = of("claims", "claim");
    assert!(ids.len() > 10);
    ids.extend(of("probes", "probe"));
    ids
}
