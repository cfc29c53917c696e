//! `ringfence explain`

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use std::io::Write as _;
use std::process::Stdio;

const FILE: &str = r#"schema = 1

[service]
name = "orders"
start = ["node", "server.mjs"]

[fs]
read = ["./"]

[net]
connect = ["api.internal:443"]
"#;

/// `ringfence explain` with this on its standard input.
fn piped(playground: &Playground, arguments: &[&str], input: &[u8]) -> Run {
    let mut command = playground.command();
    command.arg("explain").args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A reader that stops early is not what is tested here.
        scope.spawn(move || drop(stdin.write_all(input)));
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    })
}

#[test]
fn a_missing_grant_is_shown_merged_into_what_is_there() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    let run = playground.run(["explain", "Error: connect EACCES 10.0.0.1:80"]);
    assert_snapshot!(run, @r#"
    exit: 0
    --- stdout
    connect-not-granted (likely)
      > Error: connect EACCES 10.0.0.1:80
      The broker refused the connection to 10.0.0.1:80: no grant covers it.
      refused by: broker
      grant: ringfence.toml
        [net]
        connect = ["api.internal:443", "10.0.0.1:80"]
      or udp-not-granted (possible):
        No grant in net.udp covers the datagram to 10.0.0.1 port 80.
        then ringfence.toml says:
          [net]
          udp = ["10.0.0.1:80"]
    --- stderr
    ---
    "#);
}

#[test]
fn several_errors_are_grouped_and_their_grants_put_together() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    let text = "Error: connect EACCES 10.0.0.1:80 - Local (0.0.0.0:0)\n    at x\n\
                Error: connect EACCES 10.0.0.1:80 - Local (0.0.0.0:0)\n    at x\n\
                Error: DATABASE_URL is not set\n    at y\n";
    let run = piped(&playground, &[], text.as_bytes());
    assert_snapshot!(run, @r#"
    exit: 0
    --- stdout
    1. connect-not-granted (certain, 2 times)
      > Error: connect EACCES 10.0.0.1:80 - Local (0.0.0.0:0)
      The broker refused the connection to 10.0.0.1:80: no grant covers it.
      refused by: broker
      grant: ringfence.toml
        [net]
        connect = ["api.internal:443", "10.0.0.1:80"]

    2. variable-not-passed (likely)
      > Error: DATABASE_URL is not set
      The service did not receive the variable DATABASE_URL: only listed ones get
      in.
      refused by: environment
      grant: ringfence.toml
        [env]
        pass = ["DATABASE_URL"]
      or application-error (possible):
        DATABASE_URL is not set where the service was started.
        set it there, or fix its value in env.set.

    all grants together, ringfence.toml
        [env]
        pass = ["DATABASE_URL"]
        [net]
        connect = ["api.internal:443", "10.0.0.1:80"]
    --- stderr
    ---
    "#);
}

#[test]
fn without_a_boundary_it_says_that_it_cannot_know_what_is_granted() {
    let run = Playground::new().run(["explain", "getaddrinfo ENOTFOUND api.internal"]);
    assert_snapshot!(run, @r#"
    exit: 0
    --- stdout
    name-not-found (likely)
      > getaddrinfo ENOTFOUND api.internal
      The name api.internal does not exist, or its name server did not answer.
      refused by: nobody: this is not the boundary
      do: correct the name, or look at the resolver; no grant helps.
      or name-not-granted (possible):
        No grant in net.connect or net.udp names api.internal; what is not granted
        does not exist inside.
        grant it with the port it uses, which a look-up does not tell: add
        "api.internal:PORT" to net.connect (443 for https).

    note: no boundary file was found: what is granted already is not known
    --- stderr
    ---
    "#);
}

#[test]
fn what_is_not_recognised_is_exit_code_1_and_says_what_was_looked_for() {
    let run = Playground::new().run(["explain", "hello"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.starts_with("not recognised"), "{run}");
    assert!(run.stdout.contains("looked for:"), "{run}");
}

#[test]
fn events_are_explained_and_broken_lines_are_named() {
    let events = "{\"v\":1,\"time\":\"t\",\"service\":\"orders\",\"kind\":\"denial\",\"layer\":\"broker\",\
                  \"action\":\"connect\",\"resource\":\"10.0.0.1:80\",\"reason\":\"no address in \
                  net.connect covers 10.0.0.1\",\"missing_grant\":\"net.connect = [\\\"10.0.0.1:80\\\"]\"}\n\
                  {\"v\":1,\n\n";
    let playground = Playground::new().with("ringfence.toml", FILE).with("events.jsonl", events);
    let run = playground.run(["explain", "--event", "events.jsonl"]);
    assert_snapshot!(run, @r#"
    exit: 0
    --- stdout
    connect-not-granted (certain)
      > connect 10.0.0.1:80
      The service was refused: connect 10.0.0.1:80: no address in net.connect covers
      10.0.0.1.
      refused by: broker
      grant: ringfence.toml
        [net]
        connect = ["api.internal:443", "10.0.0.1:80"]

    note: line 2 is not an event: EOF while parsing a value at line 1 column 7
    --- stderr
    ---
    "#);
    assert_eq!(piped(&playground, &["--event", "-"], events.as_bytes()).stdout, run.stdout);
    let run = playground.run(["explain", "--event", "none.jsonl"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_file_of_a_run_is_what_is_explained() {
    let playground = Playground::new();
    let run = playground.run(["explain", "--event", "/"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn hostile_text_drives_no_terminal() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    let text = "Error: ENOENT: no such file or directory, open '/a\u{202e}\u{1b}[2Jb'\n\
                Error: spawn \u{200b}git\u{7} ENOENT\n";
    for format in ["human", "json", "markdown"] {
        let run = piped(&playground, &["--format", format], text.as_bytes());
        let plain = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
        assert!(run.stdout.bytes().all(plain), "{run}");
        assert_eq!(run.code, 0, "{run}");
    }
}

#[test]
fn bytes_of_any_kind_and_size_are_read() {
    let playground = Playground::new();
    let mut core: Vec<u8> =
        (0..6_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    core.extend_from_slice(b"\nError: connect ECONNREFUSED 10.0.0.1:5432\n");
    let run = piped(&playground, &["-"], &core);
    assert!(run.stdout.contains("connection-refused"), "{run}");
    assert!(run.stdout.contains("only its beginning and its end were read"), "{run}");
}

#[test]
fn a_line_is_never_wider_than_80_columns() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    for case in
        ["comma-list-20", "in-sh-hidden", "node-read-docker-sock", "own-tls-fetch", "in-uid"]
    {
        let path = format!("tests/explain/cases/{case}.toml");
        let text = ringfence_tests::workspace::text(std::path::Path::new(&path)).unwrap();
        let run = piped(&playground, &[], text.as_bytes());
        let wide = run.stdout.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{run}");
    }
}

#[test]
fn json_says_the_same() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    let run =
        playground.run(["explain", "--format", "json", "connect EACCES 10.0.0.1:80 - Local (x)"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["explanations"][0]["code"], "connect-not-granted");
    assert_eq!(report["explanations"][0]["layer"], "broker");
    assert_eq!(report["explanations"][0]["advice"]["grants"][0]["value"], "\"10.0.0.1:80\"");
    assert_eq!(report["lines"], "[net]\nconnect = [\"api.internal:443\", \"10.0.0.1:80\"]\n");
}

#[test]
fn markdown_is_for_an_issue() {
    let playground = Playground::new().with("ringfence.toml", FILE);
    let text = "connect EACCES 169.254.169.254:80 - Local (x)";
    let run = playground.run(["explain", "--format", "markdown", text]);
    assert_snapshot!(run, @"
    exit: 0
    --- stdout
    ### metadata-address (certain)

    The broker refused the connection to 169.254.169.254:80: no grant covers it.

    Refused by: broker.

    Do not grant it: a metadata service hands out the rights of the machine to whoever asks; the boundary never grants it.
    Instead: give the service its own credentials as a secret, or find out who made it ask: this is what a forged request looks like.

    --- stderr
    ---
    ");
}

#[test]
fn a_process_without_a_boundary_is_said_to_have_none() {
    let own = std::process::id().to_string();
    let run = Playground::new().run(["explain", "--pid", &own]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("it runs in no boundary"), "{run}");
    let run = Playground::new().run(["explain", "--pid", "2147483646"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("hint:"), "{run}");
}

#[test]
fn a_boundary_file_with_mistakes_is_not_used_and_one_that_was_asked_for_is_an_error() {
    let playground = Playground::new().with("ringfence.toml", "schema = 1\n");
    let run = playground.run(["explain", "connect EACCES 10.0.0.1:80 - Local (x)"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("it was not used"), "{run}");
    let run = playground.run(["explain", "--config", "ringfence.toml", "x"]);
    assert_eq!(run.code, 2, "{run}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_running_service_tells_what_it_is_under() {
    let file = crate::TRUE.replace("/bin/true", "/bin/cat");
    let playground = Playground::new().with("ringfence.toml", &file);
    let mut command = playground.command();
    command.args(["run", "--events", "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut service = command.stderr(Stdio::null()).spawn().unwrap();
    let pid = service.id().to_string();
    let ask = || playground.run(["explain", "--pid", &pid]);
    let mut told = ask();
    while !told.stdout.contains("hash in force") && service.try_wait().unwrap().is_none() {
        told = ask();
    }
    let ended = service.try_wait().unwrap().is_some();
    std::fs::write(playground.path().join("ringfence.toml"), format!("{file}# changed\n")).unwrap();
    let changed = ask();
    drop(service.stdin.take());
    service.wait().unwrap();
    if ended {
        ringfence_tests::not_run("a host that can enforce a boundary");
        return;
    }
    assert!(told.stdout.contains("the file is what is in force"), "{told}");
    assert!(told.stdout.contains("layers in force"), "{told}");
    assert!(told.stdout.contains("landlock"), "{told}");
    assert!(changed.stdout.contains("the file was changed since"), "{changed}");
}

/// Where the boundary fits this host, the host is asked: what exists and what a grant would show.
#[cfg(target_os = "linux")]
#[test]
fn what_is_hidden_is_told_from_what_is_not_there() {
    let outside = Playground::new().with("limits.json", "{}");
    let outside = outside.path();
    let playground = Playground::new().with("ringfence.toml", crate::TRUE).with("own.json", "{}");
    let code = |path: &str| {
        let text = format!("ENOENT: no such file or directory, open '{path}'");
        let run = playground.run(["explain", "--format", "json", &text]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let first = &report["explanations"][0];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&first["code"]), text(&first["confidence"]), text(&report["lines"]))
    };
    // A path in a private folder of the service is another one inside: take one that is not.
    let hidden = "/usr/share/dict";
    let shown = |code: &str, confidence: &str, lines: &str| {
        (code.to_owned(), confidence.to_owned(), lines.to_owned())
    };
    let exists = std::path::Path::new(hidden).exists();
    let hidden = if exists { hidden } else { "/usr/share/doc" };
    let lines = format!("[fs]\nread = [\"./\", \"{hidden}\"]\n");
    assert_eq!(code(hidden), shown("file-hidden", "certain", &lines));
    let missing = format!("{}/none.json", playground.path().display());
    assert_eq!(code(&missing), shown("file-missing", "certain", ""));
    assert_eq!(code(&format!("{}/limits.json", outside.display())).0, "file-missing");
}

#[test]
fn only_one_input_at_a_time() {
    let run = Playground::new().run(["explain", "x", "--pid", "1"]);
    assert_eq!(run.code, 2, "{run}");
}
