//! `ringfence drop`: what it says, and its codes. What it takes away is shown with hostile services.

use crate::TRUE;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

/// Grants of every kind that a service without Node can have.
const GRANTS: &str = r#"schema = 1
[service]
name = "dropper"
start = ["/bin/sh"]
[fs]
read = ["./ringfence.toml"]
[net]
connect = ["api.internal:443", "*.example.com:443"]
listen = ["127.0.0.1:28471"]
udp = ["10.0.0.53:53"]
[process]
children = ["/bin/cat"]
"#;

/// A service that waits for a line, and its `ringfence run`; `None` where the host refuses it.
fn started(playground: &Playground) -> Option<Child> {
    let mut command = playground.command();
    command.args(["run", "--events", "events", "--", "/bin/sh", "-c"]);
    command.arg("echo ready; read line; /bin/cat /dev/null; echo $?");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    if line != "ready\n" {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        let _ = child.wait();
        return None;
    }
    Some(child)
}

/// Lets the service go on to its end; answers what it says and the events.
fn ended(playground: &Playground, mut child: Child) -> (String, Vec<serde_json::Value>) {
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let events = std::fs::read_to_string(playground.path().join("events")).unwrap_or_default();
    let events = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (String::from_utf8_lossy(&output.stdout).into_owned(), events)
}

/// The run without the time that it took.
fn timeless(mut run: Run) -> Run {
    let lines = run.stdout.lines().map(|line| match line.split_once(", in ") {
        Some((before, _)) => format!("{before}, in [TIME]\n"),
        None if line.contains("\"milliseconds\"") => "  \"milliseconds\": [TIME],\n".to_owned(),
        None => format!("{line}\n"),
    });
    // Where the host's programs really are is its own business.
    run.stdout = lines.collect::<String>().replace("/usr/bin/cat", "/bin/cat");
    run
}

fn drop(playground: &Playground, pid: &str, arguments: &[&str]) -> Run {
    timeless(playground.run(["drop", "--pid", pid].iter().chain(arguments)))
}

#[test]
fn what_was_dropped_is_said_and_is_an_event() {
    let playground = Playground::new().with("ringfence.toml", GRANTS);
    let Some(child) = started(&playground) else { return };
    let pid = child.id().to_string();
    assert_snapshot!(drop(&playground, &pid, &["net", "a.example.com:443"]), @r#"
    exit: 0
    --- stdout
    dropped     net.connect "a.example.com:443"
    taken away  nothing was open, in [TIME]
    --- stderr
    ---
    "#);
    assert_snapshot!(drop(&playground, &pid, &["net", "--format", "json"]), @r#"
    exit: 0
    --- stdout
    {
      "dropped": {
        "files": 0,
        "flows": 0,
        "grants": [
          "net.connect \"api.internal:443\"",
          "net.connect \"*.example.com:443\"",
          "net.udp \"10.0.0.53:53\"",
          "net.listen \"127.0.0.1:28471\""
        ],
        "listeners": 0,
        "secrets": 0,
        "sockets": 0,
        "unix": 0
      },
      "milliseconds": [TIME],
      "v": 1
    }
    --- stderr
    ---
    "#);
    assert_snapshot!(drop(&playground, &pid, &["net"]), @"
    exit: 1
    --- stdout
    --- stderr
    nothing was dropped: all of net was dropped already
    hint: a grant is dropped as it stands in the boundary file, or a part of it
    ---
    ");
    let (said, events) = ended(&playground, child);
    assert_eq!(said, "0\n", "children were not dropped");
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|event| (event["kind"].as_str().unwrap(), event["resource"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("dropped", "net a.example.com:443"), ("dropped", "net")]);
}

#[test]
fn what_took_nothing_away_says_whether_it_was_dropped_or_never_granted() {
    let playground = Playground::new().with("ringfence.toml", GRANTS);
    let Some(child) = started(&playground) else { return };
    let pid = child.id().to_string();
    assert_eq!(drop(&playground, &pid, &["net", "api.internal:443"]).code, 0);
    for (reference, said) in [
        ("api.internal:443", "api.internal:443 was dropped already"),
        ("a.example.com:80", "a.example.com is granted at port 443, not 80"),
        ("other.test:443", "no grant in net.connect names other.test"),
    ] {
        let run = drop(&playground, &pid, &["net", reference]);
        let first = run.stderr.lines().next().unwrap_or_default();
        assert_eq!((run.code, first), (1, format!("nothing was dropped: {said}").as_str()));
    }
    assert_snapshot!(drop(&playground, &pid, &["secret", "signing-kee"]), @"
    exit: 1
    --- stdout
    --- stderr
    nothing was dropped: there is no secret signing-kee
    hint: secrets: none
    ---
    ");
    assert_snapshot!(drop(&playground, &pid, &["child", "/bin/cat"]), @"
    exit: 3
    --- stdout
    --- stderr
    error: programs are dropped all together, never one of them
    hint: drop child without a reference: then none can be started any more
    ---
    ");
    ended(&playground, child);
}

#[test]
fn no_program_is_started_any_more_after_children_were_dropped() {
    let playground = Playground::new().with("ringfence.toml", GRANTS);
    let Some(child) = started(&playground) else { return };
    let pid = child.id().to_string();
    assert_snapshot!(drop(&playground, &pid, &["child"]), @r#"
    exit: 0
    --- stdout
    dropped     process.children "/bin/cat"
    taken away  nothing was open, in [TIME]
    --- stderr
    ---
    "#);
    let (said, _) = ended(&playground, child);
    assert_eq!(said, "126\n", "the shell may not start it");
}

#[test]
fn any_process_of_the_service_names_it() {
    let playground = Playground::new().with("ringfence.toml", GRANTS);
    let Some(child) = started(&playground) else { return };
    let inside = deepest(child.id());
    assert_ne!(inside, child.id());
    let run = drop(&playground, &inside.to_string(), &["net.udp"]);
    assert_eq!(run.code, 0, "{run}");
    ended(&playground, child);
}

/// The last of the first children, which is the service's program.
fn deepest(pid: u32) -> u32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().next().map_or(pid, |child| deepest(child.parse().unwrap()))
}

#[test]
fn what_cannot_be_taken_back_names_the_way_that_can() {
    let playground = Playground::new().with("ringfence.toml", GRANTS);
    let Some(child) = started(&playground) else { return };
    let pid = child.id().to_string();
    assert_snapshot!(drop(&playground, &pid, &["fs.read", "ringfence.toml"]), @"
    exit: 3
    --- stdout
    --- stderr
    error: [DIR]/ringfence.toml is not in fs.droppable
    hint: list the path in fs.droppable, so that it gets a mount of its own
    ---
    ");
    assert_snapshot!(drop(&playground, &pid, &["env", "PATH"]), @"
    exit: 3
    --- stdout
    --- stderr
    error: a variable that was given cannot be taken back
    hint: deliver it as a secret, which can be dropped
    ---
    ");
    assert_snapshot!(drop(&playground, &pid, &["net", "https://api.internal"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: a URL where host and port belong: https://api.internal
    hint: write "api.internal:443"
    ---
    "#);
    ended(&playground, child);
}

#[test]
fn a_misspelt_scope_is_a_mistake_of_the_command_line() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    assert_snapshot!(playground.run(["drop", "--pid", "1", "network"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: there is no scope `network`
    hint: did you mean `net`?
    ---
    ");
    assert_snapshot!(playground.run(["drop", "net"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided: --pid <PID>
    hint: `ringfence drop --help` lists its options
    ---
    ");
}

#[test]
fn a_process_that_is_no_service_is_refused() {
    let playground = Playground::new();
    let own = std::process::id().to_string();
    let run = playground.run(["drop", "--pid", &own, "net"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("is no `ringfence run` and none of its parents is"), "{run}");
    let run = playground.run(["drop", "--pid", "4000000000", "net"]);
    assert_eq!(
        (run.code, run.stderr.lines().next()),
        (3, Some("error: there is no process 4000000000"))
    );
}

#[test]
fn what_is_no_process_id_is_told_with_the_way_to_find_one() {
    let playground = Playground::new();
    assert_snapshot!(playground.run(["drop", "--pid", "secret", "key"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value `secret` for `--pid <PID>`: not a process id
    hint: `pgrep -f 'ringfence run'` lists services; any of their processes will do
    hint: `ringfence drop --help` lists its options
    ---
    ");
    for verb in [&["drop", "net", "--pid"][..], &["explain", "--pid"], &["status", "--pid"]] {
        for wrong in ["", "0", "4294967296", "1x"] {
            let run = playground.run(verb.iter().chain(&[wrong]));
            assert_eq!(run.code, 2, "{verb:?} {wrong}: {run}");
            let said = run.stderr.contains("not a process id") && run.stderr.contains("pgrep -f");
            assert!(said, "{verb:?} {wrong}: {run}");
        }
    }
}
