//! The security stance: what a boundary is, and what a flag is not.

use crate::starting;
use ringfence_tests::command::Playground;
use serde_json::Value;

/// The sentences of a boundary: claim, weight, text.
fn sentences(file: &str) -> Vec<(String, String, String)> {
    let playground = Playground::new().with("ringfence.toml", file);
    let run = playground.run(["statement", "--format", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["sentences"].as_array().unwrap().iter();
    all.map(|s| (text(&s["claim"]), text(&s["weight"]), text(&s["text"]))).collect()
}

#[test]
fn line_13_no_single_flag_makes_a_sandbox() {
    let run = Playground::new().run(["status", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let layers = report["layers"].as_array().unwrap();
    let flags = layers.iter().find(|layer| layer["layer"] == "node-flags").unwrap();
    assert_ne!(flags["answer"]["state"], "enforced", "no version's flags are a whole layer");

    let held = "held by Node's own flag; without it the layers of the kernel still hold";
    let all = sentences(&starting("/bin/true", ""));
    for claim in ["process-workers", "process-wasi", "process-ffi", "process-inspector"] {
        let said = all.iter().find(|(of, ..)| of == claim).unwrap();
        assert!(said.2.ends_with(held), "{claim}: {}", said.2);
    }
}

#[test]
fn line_25_the_statement_names_the_boundary() {
    let all = sentences(&starting("/bin/true", ""));
    for (claim, says) in [
        ("identity-non-root", "runs as a non-root user"),
        ("files-write", "everything is read-only; /tmp and /dev/shm are private"),
        ("net-connect", "cannot open outbound sockets"),
        ("process-package-manager", "has no package manager it can execute"),
    ] {
        let said = all.iter().find(|(of, ..)| of == claim).unwrap();
        assert_eq!(said.1, "claim", "{claim}");
        assert!(said.2.contains(says), "{claim}: {}", said.2);
    }
}
