//! `ringfence drift` on what containers and processes are: Dockerfiles, Compose files, images, and a
//! service that runs.

use insta::assert_snapshot;
use ringfence_tests::command::{self, Playground};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A boundary that containers can say in full.
const BOUNDARY: &str = r#"schema = 1
[service]
name = "orders"
start = ["node", "dist/server.mjs"]
[fs]
read = ["./dist", "./node_modules", "./package.json"]
[net]
listen = ["0.0.0.0:8080"]
[limits]
memory = "256MiB"
pids = 64
[require]
layers = ["environment", "identity", "rlimits", "seccomp"]
"#;

fn playground() -> Playground {
    Playground::new()
        .with("ringfence.toml", BOUNDARY)
        .with("package.json", r#"{"scripts": {"build": "tsc"}}"#)
        .with("package-lock.json", r#"{"lockfileVersion": 3, "packages": {}}"#)
        .with("src/server.ts", "")
}

/// Writes a target, takes a line out of it, and compares.
fn without(target: &str, file: &str, line: &str) -> (i32, String) {
    let playground = playground();
    let rendered = playground.run(["render", target, "--out", "out"]);
    assert_eq!(rendered.code, 0, "{}", rendered.stderr);
    let path = playground.path().join("out").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> =
        text.lines().filter(|known| line.is_empty() || !known.contains(line)).collect();
    assert!(line.is_empty() || kept.len() + 1 == text.lines().count(), "{line}: {text}");
    std::fs::write(&path, kept.join("\n")).unwrap();
    let run = playground.run(["drift", path.to_str().unwrap()]);
    let said = run.stdout.replace(&*playground.path().to_string_lossy(), "[FOLDER]");
    (run.code, crate::drift::shown(&said))
}

#[test]
fn what_render_writes_for_containers_is_not_weaker() {
    for (target, file) in [("dockerfile", "Dockerfile"), ("compose", "compose.yaml")] {
        let (code, said) = without(target, file, "");
        assert_eq!(code, 0, "{said}");
        assert!(said.starts_with("nothing is weaker"), "{said}");
    }
}

#[test]
fn a_line_that_is_gone_is_named() {
    let (code, said) = without("dockerfile", "Dockerfile", "USER 10001");
    assert_eq!(code, 1);
    assert_snapshot!(said, @r#"
    root-user [DIR]/out/Dockerfile
        last stage: USER
        wanted USER 10001:10001, found nothing
        the service is root in its container, one fault of the kernel away from the
        host

    1 weaker than the boundary: [number] compared
    "#);
    let (code, said) = without("compose", "compose.yaml", "read_only: true");
    assert_eq!(code, 1);
    assert_snapshot!(said, @r#"
    writable-root [DIR]/out/compose.yaml
        services.orders.read_only
        wanted true, found nothing
        whoever takes the service over can change its files

    1 weaker than the boundary: [number] compared
    "#);
}

#[test]
fn a_dockerfile_that_cannot_be_read_is_a_mistake_of_the_file() {
    let playground = playground().with("Dockerfile", "FROM node\n{{ if .x }}\n");
    let run = playground.run(["drift", "Dockerfile"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("Dockerfile:2"), "{}", run.stderr);
}

#[test]
fn an_archive_that_is_no_image_cannot_be_compared() {
    let playground = playground().with("image.tar", "nothing of the kind");
    let run = playground.run(["drift", "--image", "image.tar"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("not a tar archive"), "{}", run.stderr);
}

/// A service that waits, and the boundary that it has when it is started by `ringfence run`.
const WAITS: &str = r#"schema = 1
[service]
name = "waits"
start = ["/bin/sh", "-c", "echo ready; read line"]
[fs]
read = ["./ringfence.toml"]
[require]
layers = ["environment", "identity", "namespaces", "rlimits", "landlock", "seccomp", "broker"]
"#;

fn ready(command: &mut Command) -> Option<Child> {
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

/// Codes of what is weaker in a process.
fn codes(playground: &Playground, pid: u32) -> Vec<String> {
    let pid = pid.to_string();
    let run = playground.run(["drift", "--pid", &pid, "--format", "json"]);
    assert!(run.code <= 1, "{}", run.stderr);
    let output: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let drifts = output["drifts"].as_array().unwrap();
    // The service is a shell here, so what is said of commands is right and not meant.
    let of_commands = ["shell-command", "extra-group"];
    drifts
        .iter()
        .map(|drift| drift["code"].as_str().unwrap().to_owned())
        .filter(|code| !of_commands.contains(&code.as_str()))
        .collect()
}

#[test]
fn a_service_inside_its_boundary_is_not_weaker_and_the_same_program_outside_is() {
    let playground = Playground::new().with("ringfence.toml", WAITS);
    let Some(mut inside) = ready(playground.command().arg("run")) else { return };
    let found = codes(&playground, inside.id());
    let mut bare = command::other("/bin/sh");
    bare.args(["-c", "echo ready; read line"]).env("API_TOKEN", "x");
    let mut outside = ready(&mut bare).unwrap();
    let control = codes(&playground, outside.id());
    for child in [&mut inside, &mut outside] {
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    assert_eq!(found, Vec::<String>::new());
    for code in ["new-privileges", "seccomp", "host-namespace", "unlisted-variable"] {
        assert!(control.iter().any(|known| known == code), "{code}: {control:?}");
    }
}

#[test]
fn a_service_of_another_text_of_the_file_is_told() {
    let playground = Playground::new().with("ringfence.toml", WAITS);
    let Some(mut inside) = ready(playground.command().arg("run")) else { return };
    let changed = playground.path().join("ringfence.toml");
    std::fs::write(changed, format!("{WAITS}\n# changed\n")).unwrap();
    let found = codes(&playground, inside.id());
    drop(inside.stdin.take());
    inside.wait().unwrap();
    assert_eq!(found, ["another-boundary"]);
}

#[test]
fn a_process_that_is_not_there_cannot_be_compared() {
    let playground = Playground::new().with("ringfence.toml", WAITS);
    let run = playground.run(["drift", "--pid", "2147483646"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("/proc/2147483646"), "{}", run.stderr);
}
