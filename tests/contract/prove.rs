//! `ringfence prove`: the form of what it says. What holds is proved by the battery's own tests.

use crate::TRUE;
use insta::assert_snapshot;
use ringfence_tests::command::Playground;
use serde_json::Value;

#[test]
fn each_probe_has_its_claim_its_verdict_and_both_sides() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["prove", "--format", "json"]);
    if run.code == 3 && run.stdout.is_empty() {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return;
    }
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let probes = report["probes"].as_array().unwrap();
    assert!(probes.len() >= 25);
    for probe in probes {
        let verdict = probe["verdict"].as_str().unwrap();
        assert!(["blocked", "inconclusive", "open"].contains(&verdict), "{probe}");
        for key in ["claim", "probe"] {
            assert!(probe[key].is_string(), "{probe}");
        }
        for side in ["inside", "outside"] {
            assert!(probe[side]["outcome"].is_string(), "{probe}");
        }
    }
    let open = probes.iter().any(|probe| probe["verdict"] == "open");
    let states = report["claims"].as_array().unwrap().iter().map(|claim| &claim["state"]);
    let unproven = states.into_iter().any(|state| state == "unproven");
    let expected = match (open, unproven) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    };
    assert_eq!(run.code, expected, "{}", run.stderr);
}

#[test]
fn a_boundary_that_does_not_fit_this_host_is_told_before_anything_is_attacked() {
    let playground = Playground::new().with("ringfence.toml", &TRUE.replace("./", "./missing"));
    assert_snapshot!(playground.run(["prove"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:8:9: fs.read: does not exist: [DIR]/missing
      |
    8 | read = ["./missing"]
      |         ^^^^^^^^^^^
    hint: check the path, which counts from the boundary file's folder, or list it in fs.optional
    ---
    "#);
}

#[test]
fn a_class_that_does_not_exist_is_answered_with_those_that_do() {
    let run = Playground::new().run(["prove", "--only", "everything"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    for class in ["children", "files", "network", "workers"] {
        assert!(run.stderr.contains(class), "{}", run.stderr);
    }
}

#[test]
fn what_was_not_asked_for_is_said_and_not_claimed() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["prove", "--only", "identity", "--format", "json"]);
    if run.code == 3 && run.stdout.is_empty() {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return;
    }
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["only"], serde_json::json!(["identity"]));
    let probes = report["probes"].as_array().unwrap();
    assert!(!probes.is_empty() && probes.iter().all(|probe| probe["class"] == "identity"));
    let state = |claim: &str| {
        let claims = report["claims"].as_array().unwrap();
        claims.iter().find(|found| found["claim"] == claim).unwrap()["state"].clone()
    };
    assert_eq!(state("net-connect"), "not-attacked");
    // Some of the attacks on it are of another class.
    assert_eq!(state("identity-no-privileges"), "partly-attacked");
    assert_ne!(state("files-read"), "proven");
}

#[test]
fn a_ticket_gets_tables_with_what_is_open_first() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["prove", "--only", "environment", "--format", "markdown"]);
    if run.code == 3 && run.stdout.is_empty() {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return;
    }
    let headings: Vec<_> = run.stdout.lines().filter(|line| line.starts_with('#')).collect();
    assert!(
        headings.starts_with(&["# Proof of the boundary of true", "## Evidence"]),
        "{headings:?}"
    );
    for table in run.stdout.split("\n\n").filter(|block| block.starts_with('|')) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let width = cells(table.lines().next().unwrap());
        assert!(table.lines().all(|line| cells(line) == width), "{table}");
    }
}

/// A boundary with something for every lock.
const EVERY_LOCK: &str = r#"schema = 1

[service]
name = "locks"
start = ["/bin/true"]

[fs]
read = ["./"]

[secrets.key]
from = "file:./key"
as = "file"
to = "/run/secrets/key"

[require]
layers = ["environment", "identity", "namespaces", "rlimits", "landlock", "seccomp", "broker"]
"#;

fn self_test(playground: &Playground) -> Option<Value> {
    let run = playground.run(["prove", "--self-test", "--format", "json"]);
    if run.code == 3 && run.stdout.is_empty() {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return None;
    }
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    assert!(report.is_object(), "{}", run.stderr);
    assert_eq!((report["schema"].as_u64(), run.code), (Some(1), 0), "{report:#}");
    Some(report)
}

#[test]
fn every_lock_is_noticed_by_a_probe_when_it_is_missing() {
    let playground = Playground::new().with("ringfence.toml", EVERY_LOCK).with("key", "secret");
    let Some(report) = self_test(&playground) else { return };
    let locks = report["locks"].as_array().unwrap();
    assert!(locks.len() > 80, "{}", locks.len());
    for lock in locks {
        let (id, noticed) = (lock["lock"].as_str().unwrap(), lock["noticed"].as_str().unwrap());
        assert_ne!(noticed, "no", "{lock:#}");
        // The service has an IPC namespace of its own.
        if id == "filter-shared-ipc" && noticed == "not-present" {
            continue;
        }
        if noticed == "not-present" {
            ringfence_tests::not_run(&format!("{id}: {}", lock["why"].as_str().unwrap()));
            continue;
        }
        let named =
            |probe: &Value| probe["noticed"] == lock["noticed"] && probe["probe"].is_string();
        assert!(lock["probes"].as_array().unwrap().iter().any(named), "{lock:#}");
    }
}

#[test]
fn what_leaves_locks_out_cannot_be_asked_for_when_a_service_runs() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    for option in ["--without", "--self-test", "--left-out", "--without=mount"] {
        let run = playground.run(["run", option, "--", "/bin/true"]);
        assert_eq!(run.code, 125, "{option}: {}", run.stderr);
        assert!(run.stderr.contains("unexpected argument"), "{option}: {}", run.stderr);
    }
}

#[test]
fn a_proof_for_which_nothing_can_be_written_says_so_and_claims_nothing() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let script = "ulimit -f 0; exec \"$0\" prove --only environment --format json";
    let mut command = ringfence_tests::command::other("sh");
    command.args(["-c", script]).arg(ringfence_tests::command::binary());
    let run = playground.finish(command.current_dir(playground.path()));
    assert!(run.code > 1, "{run}");
    assert!(!run.stdout.contains("blocked") && !run.stdout.contains("proven"), "{run}");
    assert!(run.stderr.starts_with("error: "), "{run}");
}
