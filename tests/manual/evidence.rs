//! Primary evidence: what the manual wants to be recorded.

use crate::{refused_by_host, starting};
use ringfence_tests::command::Playground;
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;

#[test]
fn line_43_allowed_connections_and_refused_names_are_evidence() {
    // A shell that can connect, so that this needs no Node.
    const SHELL: &str = "/bin/bash";
    if !Path::new(SHELL).exists() {
        ringfence_tests::not_run("there is no /bin/bash");
        return;
    }
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = upstream.local_addr().unwrap().port();
    let net =
        format!("[net]\nconnect = [\"up.test:{port}\"]\nhosts = {{ \"up.test\" = \"127.0.0.1\" }}");
    let playground = Playground::new().with("ringfence.toml", &starting(SHELL, &net));
    let act = format!(
        "exec 3<>/dev/tcp/up.test/{port} && echo reached; (exec 4<>/dev/tcp/other.test/80); true"
    );
    let run =
        playground.run(["run", "--audit", "--events", "events.jsonl", "--", SHELL, "-c", &act]);
    if refused_by_host(&run) {
        return;
    }
    assert_eq!((run.code, run.stdout.as_str()), (0, "reached\n"), "{run}");

    let events = std::fs::read_to_string(playground.path().join("events.jsonl")).unwrap();
    let events: Vec<Value> = events.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let find = |kind: &str, action: &str| {
        events.iter().find(|event| event["kind"] == kind && event["action"] == action).unwrap()
    };
    let allowed = find("allowed", "connect");
    assert_eq!(allowed["resource"], format!("up.test:{port} (127.0.0.1:{port})"));
    let denied = find("denial", "resolve");
    assert_eq!(denied["resource"], "other.test");
    // A lookup does not tell the port, so there is no line that could be pasted.
    assert_eq!(denied["reason"], "no grant names other.test; it is granted with the port");
    assert_eq!(denied["missing_grant"], Value::Null);
    for event in [allowed, denied] {
        assert_eq!((&event["service"], &event["layer"]), (&"orders".into(), &"broker".into()));
    }
}
