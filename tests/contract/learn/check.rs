//! `ringfence learn --check` where nobody sits beside it: traffic, and what the last line says.

use super::{learn, node};
use ringfence_tests::command::Playground;
use serde_json::Value;
use std::fs;

/// Tells its port in a file, and answers until it is asked to end.
const SERVICE: &str = "const fs = require('node:fs');
const server = require('node:http').createServer((request, response) => {
  fs.readFileSync('page');
  response.end('page');
  if (request.url === '/end') process.exit();
});
server.listen(0, '127.0.0.1', () => {
  fs.writeFileSync('data/port.tmp', `${server.address().port}`);
  fs.renameSync('data/port.tmp', 'data/port');
});
process.on('SIGTERM', () => process.exit());
";

/// Waits until the service listens, reads what only a test reads, and asks once.
fn traffic(end: &str) -> String {
    format!(
        "#!/usr/bin/env node
const fs = require('node:fs');
fs.readFileSync('secret-of-the-test');
const ask = () => {{
  if (!fs.existsSync('data/port')) return setTimeout(ask, 20);
  fetch(`http://127.0.0.1:${{fs.readFileSync('data/port')}}/{end}`).then(() => {{
    fs.rmSync('data/port');
    console.log('asked');
    {}
  }});
}};
ask();
",
        if end == "end" {
            "setInterval(() => {}, 1000);"
        } else {
            "process.exitCode = Number(process.env.CODE ?? 0);"
        },
    )
}

fn project() -> Option<Playground> {
    node()?;
    let playground = Playground::new()
        .with("server.js", SERVICE)
        .with("page", "hello")
        .with("secret-of-the-test", "x")
        .with("data/kept", "")
        .with("smoke.js", &traffic(""))
        .with("ends.js", &traffic("end"))
        .with(
            "ringfence.toml",
            "[service]\nname = \"a\"\nstart = [\"node\", \"server.js\"]\n[fs]\nread = [\"./server.js\"]\nwrite = [\"./data/\"]\n",
        );
    for script in ["smoke.js", "ends.js"] {
        use std::os::unix::fs::PermissionsExt as _;
        let path = playground.path().join(script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Some(playground)
}

fn last(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

#[test]
fn traffic_reaches_the_service_needs_no_grant_and_ends_it() {
    let Some(playground) = project() else { return };
    let arguments =
        ["--check", "--traffic", "./smoke.js", "--stop-after", "600s", "--output", "out.json"];
    let Some(run) = learn(&playground, &arguments) else { return };
    assert_eq!((run.code, last(&run.stdout)), (1, "check: the file lacks 1 grant"), "{run}");
    assert!(run.stdout.contains("asked\n"), "{run}");
    assert!(run.stdout.contains("fs.read = [\"./page\"]"), "{run}");
    assert!(!run.stdout.contains("secret-of-the-test"), "{run}");
    let told = fs::read(playground.path().join("out.json")).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((&told["missing"], &told["failed"]), (&1.into(), &false.into()), "{told:#}");
    assert_eq!(told["traffic"]["exit_code"], 0, "{told:#}");
    let path = playground.path().join("ringfence.toml");
    let whole =
        fs::read_to_string(&path).unwrap().replace("./server.js\"]", "./server.js\", \"./page\"]");
    fs::write(&path, whole).unwrap();
    let run = learn(&playground, &["--check", "--traffic", "./smoke.js"]).unwrap();
    assert_eq!((run.code, last(&run.stdout)), (0, "check: nothing is missing"), "{run}");
}

#[test]
fn traffic_that_fails_or_does_not_come_to_its_end_is_a_failure_that_is_said() {
    let Some(playground) = project() else { return };
    let mut command = playground.command();
    command.env("CODE", "4").args(["learn", "--traffic", "./smoke.js"]);
    let run = playground.finish(&mut command);
    if run.code == 3 {
        return ringfence_tests::not_run("this host cannot record");
    }
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("the traffic, ./smoke.js, failed with exit code 4"), "{run}");
    let run = learn(&playground, &["--check", "--traffic", "./ends.js"]).unwrap();
    let cut =
        "check: nothing is missing; the service ended before its traffic, ./ends.js, had ended";
    assert_eq!((run.code, last(&run.stdout)), (1, cut), "{run}");
    let run = learn(&playground, &["--traffic", "./none"]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("cannot find the traffic: ./none"), "{run}");
    let run = learn(&playground, &["--traffic", "./page"]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("cannot start the traffic"), "{run}");
}

#[test]
fn a_check_says_whether_the_file_or_the_program_is_at_fault() {
    let file = "[service]\nname = \"a\"\nstart = [\"/bin/sh\", \"-c\", \"exit 7\"]\n";
    let playground = Playground::new().with("ringfence.toml", file).with("data", "x");
    let Some(run) = learn(&playground, &["--check", "--packages"]) else { return };
    let failed = "check: nothing is missing; the program itself failed with 7";
    assert_eq!((run.code, last(&run.stdout)), (1, failed), "{run}");
    let run = learn(&playground, &["--check", "--", "/bin/cat", "data"]).unwrap();
    assert_eq!((run.code, last(&run.stdout)), (1, "check: the file lacks 1 grant"), "{run}");
}
