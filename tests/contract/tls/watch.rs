//! `ringfence tls watch`

use super::server::{leaf, nobody, root, serve};
use ringfence_tests::command::Playground;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

#[test]
fn a_round_ends_with_the_code_that_monitoring_takes() {
    let root = root();
    let target = |days| {
        let (certificate, key) = leaf(&root, "shop.test", days);
        serve(certificate, &key)
    };
    let (good, soon, near) = (target(89), target(20), target(3));
    let (nobody, _taken) = nobody();
    let nobody = nobody.to_string();
    let playground = Playground::new().with("ca.pem", &root.pem()).with("text", "hello");
    let watch = |targets: &[&str]| {
        let all = ["tls", "watch", "--ca", "ca.pem"].iter().chain(targets);
        playground.run(all)
    };
    for (targets, code, first) in [
        (vec![good.as_str()], 0, "tls ok: 1 ok"),
        (vec![&good, &soon], 1, "tls warning: 1 warning 1 ok"),
        (vec![&good, &soon, &near], 2, "tls critical: 1 critical 1 warning 1 ok"),
        (vec![&good, &nobody], 2, "tls critical: 1 critical 1 ok"),
        (vec![&good, "text"], 3, "tls unknown: 1 unknown 1 ok"),
    ] {
        let run = watch(&targets);
        assert_eq!((run.code, run.stdout.lines().next().unwrap()), (code, first), "{run}");
    }
    let run = watch(&[&soon, "--warn", "10d", "--critical", "1d"]);
    assert_eq!(run.code, 0, "{run}");
    let run = watch(&[&good, "--critical", "60d"]);
    assert!(run.code == 2 && run.stderr.contains("must not be longer than --warn"), "{run}");
}

#[test]
fn events_are_lines_and_the_metrics_are_a_whole_file() {
    let root = root();
    let (certificate, key) = leaf(&root, "shop.test", 20);
    let target = serve(certificate, &key);
    let playground = Playground::new()
        .with("ca.pem", &root.pem())
        .with("targets", &format!("# servers\n{target}  # the shop\n\nca.pem\n"));
    let arguments = ["tls", "watch", "--targets", "targets", "--ca", "ca.pem"];
    let more = ["--format", "json", "--prom", "tls.prom"];
    let run = playground.run(arguments.iter().chain(&more));
    assert_eq!(run.code, 1, "{run}");
    let events: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2);
    let event = events.iter().find(|event| event["target"] == target.as_str()).unwrap();
    assert_eq!((&event["event"], &event["level"]), (&"tls-certificate".into(), &"warning".into()));
    assert!((19 * 86_400..=20 * 86_400).contains(&event["seconds_left"].as_i64().unwrap()));
    let metrics = fs::read_to_string(playground.path().join("tls.prom")).unwrap();
    for line in [
        format!("ringfence_tls_up{{target=\"{target}\"}} 1"),
        format!("ringfence_tls_level{{target=\"{target}\"}} 1"),
        format!("ringfence_tls_findings{{target=\"{target}\"}} 0"),
        "# TYPE ringfence_tls_not_after_seconds gauge".to_owned(),
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}: {metrics}");
    }
    let names: Vec<_> = fs::read_dir(playground.path()).unwrap().map(Result::unwrap).collect();
    assert!(names.iter().all(|name| !name.file_name().to_string_lossy().ends_with(".part")));
    let run = playground.run(["tls", "watch", "ca.pem", "--ca", "ca.pem", "--prom", "none/x.prom"]);
    assert!(run.code == 2 && run.stderr.contains("cannot write none/x.prom"), "{run}");
}

#[test]
fn it_goes_on_until_it_is_stopped() {
    let root = root();
    let playground = Playground::new().with("ca.pem", &root.pem());
    let mut command = playground.command();
    command.args(["tls", "watch", "ca.pem", "--ca", "ca.pem", "--every", "10s"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "tls ok: 1 ok");
    assert!(child.try_wait().unwrap().is_none(), "it waits for the next round");
    child.kill().unwrap();
    child.wait().unwrap();
    let run = playground.run(["tls", "watch", "ca.pem", "--ca", "ca.pem", "--every", "1s"]);
    assert!(run.code == 2 && run.stderr.contains("at least 10s"), "{run}");
}

#[test]
fn a_round_without_authorities_or_room_is_an_error_of_that_round_and_the_next_goes_on() {
    let root = root();
    let playground = Playground::new().with("ca.pem", &root.pem()).with("seen.pem", &root.pem());
    fs::create_dir(playground.path().join("out")).unwrap();
    let arguments = ["tls", "watch", "seen.pem", "--ca", "ca.pem", "--prom", "out/tls.prom"];
    let mut command = playground.command();
    command.args(arguments).args(["--every", "10s"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "tls ok: 1 ok");
    let _ = next();
    // The first round has told everything only when its metrics are there.
    while !playground.path().join("out/tls.prom").exists() {
        std::thread::yield_now();
    }
    fs::rename(playground.path().join("ca.pem"), playground.path().join("away.pem")).unwrap();
    fs::remove_dir_all(playground.path().join("out")).unwrap();
    assert_eq!(next(), "tls unknown: 1 unknown");
    assert!(next().ends_with("seen.pem: cannot read ca.pem"));
    assert!(errors.next().unwrap().unwrap().contains("cannot write out/tls.prom"));
    fs::rename(playground.path().join("away.pem"), playground.path().join("ca.pem")).unwrap();
    assert_eq!(next(), "tls ok: 1 ok");
    child.kill().unwrap();
    child.wait().unwrap();
    // From the start both are a mistake.
    let run = playground.run(["tls", "watch", "seen.pem", "--ca", "none.pem", "--every", "10s"]);
    assert!(run.code == 2 && run.stderr.contains("cannot read none.pem"), "{run}");
}

#[test]
fn the_name_of_a_file_that_is_missing_is_not_taken_for_a_server() {
    let playground = Playground::new().with("there.pem", &root().pem());
    for name in ["missing.pem", "MISSING.CRT", "server.key"] {
        let run = playground.run(["tls", "watch", name]);
        assert!(run.code == 3 && run.stdout.contains(&format!("cannot read {name}")), "{run}");
        let run = playground.run(["tls", "inspect", name]);
        assert!(run.code == 2 && run.stderr.contains(&format!("cannot read {name}")), "{run}");
    }
    // The controls: a file that is there, and a server, whatever it is called.
    assert_eq!(playground.run(["tls", "watch", "there.pem"]).code, 0);
    let run = playground.run(["tls", "inspect", "missing.pem:1", "--timeout", "1s"]);
    assert!(run.code == 2 && run.stderr.contains("cannot reach missing.pem:1"), "{run}");
}

#[test]
fn what_is_no_file_or_never_ends_is_refused_and_not_waited_for() {
    let playground = Playground::new().with("there.pem", &root().pem());
    for path in ["/dev/zero", "/dev/tty", "/proc/kmsg"] {
        let run = playground.run(["tls", "inspect", path]);
        assert_eq!(run.code, 2, "{path}: {run}");
    }
    assert_eq!(playground.run(["tls", "inspect", "there.pem"]).code, 0, "control");
}
