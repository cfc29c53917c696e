//! Files, programs and hosts that are not as they should be: one clear error with a hint and the
//! right code, before anything of the service has run.

use crate::stage::{Ended, Host, PATIENCE, Stage, copy, free_port};
use ringfence_tests::command::{Playground, Run};
use ringfence_tests::workspace;
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The boundary of a service that would leave a trace if it ran.
const TRACE: &str = "schema = 1\n[service]\nname = \"odd\"\nstart = [\"/bin/sh\", \"-c\", \
                     \"echo ran > trace/ran\"]\n[fs]\nread = [\"./\"]\nwrite = [\"./trace\"]\n";

/// A folder with one of everything that is no ordinary file.
fn odd_folder(boundary: &str) -> (Playground, UnixListener) {
    let playground = Playground::new().with("ringfence.toml", boundary);
    let path = |name: &str| playground.path().join(name);
    fs::create_dir(path("trace")).unwrap();
    fs::set_permissions(path("trace"), fs::Permissions::from_mode(0o777)).unwrap();
    let made = ringfence_tests::command::other("mkfifo").arg(path("fifo")).status().unwrap();
    assert!(made.success());
    let socket = UnixListener::bind(path("socket")).unwrap();
    symlink("loop-b", path("loop-a")).unwrap();
    symlink("loop-a", path("loop-b")).unwrap();
    let program = fs::read("/bin/true").unwrap();
    let with = |name: &str, bytes: &[u8], mode: u32| {
        fs::write(path(name), bytes).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    with("empty", b"", 0o755);
    with("text", b"not a program", 0o755);
    with("script", b"#!/no/such/interpreter\n", 0o755);
    with("half", &program[..64], 0o755);
    with("not-executable", &program, 0o644);
    with("no-library", &replaced(&program, b"libc.so.6\0", b"libZ.so.6\0"), 0o755);
    // The machine in the ELF header: one that exists and is not this one.
    let mut other = program.clone();
    other[18] = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    with("other-machine", &other, 0o755);
    (playground, socket)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

/// One error, with a hint, and an event of this kind; nothing of the service has run.
fn assert_refused(playground: &Playground, run: &Run, says: &str, kind: &str) {
    assert_eq!(run.code, 125, "{run}");
    assert_eq!(run.stderr.matches("error: ").count(), 1, "{run}");
    assert!(run.stderr.contains("hint: "), "{run}");
    assert!(run.stderr.contains(says), "{says:?}: {run}");
    assert!(!run.stderr.contains("panicked"), "{run}");
    let event = run.stderr.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    let event: Value = serde_json::from_str(event).unwrap_or_default();
    assert_eq!((&event["kind"], &event["code"]), (&"error".into(), &kind.into()), "{run}");
    assert!(!playground.path().join("trace/ran").exists(), "{run}");
}

#[test]
fn what_the_service_would_do_is_seen_when_nothing_is_wrong() {
    let (playground, _socket) = odd_folder(TRACE);
    fs::set_permissions(playground.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = playground.run(["run"]);
    if run.code == 125 && run.stderr.contains("this host cannot give it") {
        return ringfence_tests::not_run("this host cannot enforce a boundary");
    }
    assert_eq!(run.code, 0, "{run}");
    assert!(playground.path().join("trace/ran").exists());
}

#[test]
fn a_granted_path_that_is_no_file_or_folder_is_refused() {
    for (path, says) in [
        ("./fifo", "not a file or a directory but a pipe"),
        ("./socket", "put it into net.unix"),
        ("/dev/null", "cannot grant a path of /dev"),
        ("/dev", "cannot grant a path of /dev"),
        ("/proc/self/mem", "cannot grant a path of /proc"),
        ("/sys", "cannot grant a path of /sys"),
        ("./loop-a", "symlinks go in a circle"),
        ("./text/below", "not a directory"),
        ("./nothing", "does not exist"),
    ] {
        for key in ["read", "write"] {
            let boundary = if key == "read" {
                TRACE.replace("[\"./\"]", &format!("[\"./\", \"{path}\"]"))
            } else {
                TRACE.replace("[\"./trace\"]", &format!("[\"./trace\", \"{path}\"]"))
            };
            let (playground, _socket) = odd_folder(&boundary);
            let run = playground.run(["run"]);
            assert_refused(&playground, &run, says, "configuration");
            // The same is found without a start.
            assert_eq!(playground.run(["check-config"]).code, 2, "{path}");
        }
    }
}

#[test]
fn a_program_that_cannot_be_started_is_refused_before_anything_runs() {
    let (playground, _socket) = odd_folder(TRACE);
    for (program, says) in [
        ("./nothing", "does not exist"),
        ("no-such-program-anywhere", "program not found"),
        ("./empty", "neither an ELF executable nor a script"),
        ("./text", "neither an ELF executable nor a script"),
        ("./script", "interpreter of the script"),
        ("./half", "damaged ELF file"),
        ("./no-library", "shared library not found: libZ.so.6"),
        ("./other-machine", "another kind of processor"),
        ("./not-executable", "chmod +x"),
        ("./fifo", "not a file but a pipe"),
        ("./socket", "not a file but a socket"),
        ("/dev/null", "not a file but a device"),
        ("./trace", "program is a directory"),
        ("./loop-a", "symlinks go in a circle"),
    ] {
        let run = playground.run(["run", "--", program]);
        assert_refused(&playground, &run, says, "configuration");
    }
}

#[test]
fn a_boundary_file_that_cannot_be_read_is_refused_by_every_verb() {
    let (playground, _socket) = odd_folder(TRACE);
    for (file, says) in [
        ("fifo", "is a pipe, not a boundary file"),
        ("socket", "is a socket, not a boundary file"),
        (".", "is a folder, not a boundary file"),
        ("/dev/zero", "is a device, not a boundary file"),
        ("loop-a", "lead in a circle"),
        ("nothing", "cannot read"),
        ("half", "error: "),
        ("text", "error: text:1:"),
    ] {
        let run = playground.run(["run", "--config", file]);
        assert_eq!(run.code, 125, "{run}");
        assert!(run.stderr.contains(says) && run.stderr.contains("hint: "), "{says}: {run}");
        for verb in ["check-config", "statement", "prove"] {
            let run = playground.run([verb, "--config", file]);
            assert_eq!(run.code, 2, "{verb} {file}: {run}");
        }
    }
}

#[test]
fn events_that_have_no_place_refuse_the_start() {
    let (playground, _socket) = odd_folder(TRACE);
    for place in ["fifo", "socket", ".", "loop-a", "no/such/folder", "text/below"] {
        let run = playground.run(["run", "--events", place]);
        assert_refused(&playground, &run, "cannot write events to", "source");
    }
}

#[test]
fn a_path_the_caller_may_not_reach_is_refused() {
    let boundary = TRACE.replace("[\"./\"]", "[\"./\", \"./closed/inside\"]");
    let (playground, _socket) = odd_folder(&boundary);
    let folder = playground.path();
    fs::create_dir_all(folder.join("closed/inside")).unwrap();
    copy(ringfence_tests::command::binary(), &folder.join("ringfence"));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let closed = folder.join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let mut command = ringfence_tests::command::other(env!("CARGO_BIN_EXE_intruder"));
    command.arg("as-nobody").arg(folder.join("ringfence")).arg("run").current_dir(&folder);
    let run = playground.finish(&mut command);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_refused(&playground, &run, "no permission to look up", "configuration");
}

#[test]
fn a_required_layer_that_is_absent_refuses_the_start_and_every_proof() {
    // Every layer is required, and a container refuses one.
    let sections = "[require]\nlayers = \"all\"\n";
    let stage = Stage::unchecked(Host::Container, sections);
    let ended = stage.run(&["exit", "0"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (125, ""), "{ended:?}");
    assert!(ended.stderr.contains("the layer `namespaces` is required"), "{ended:?}");
    assert!(ended.stderr.contains("hint: "), "{ended:?}");
    let events = ended.events("error");
    assert_eq!(
        (events.len(), &events[0]["code"], &events[0]["layer"]),
        (1, &"host".into(), &"namespaces".into())
    );
    for verb in ["prove", "status"] {
        let ended = stage.finish(stage.verb(verb));
        assert_eq!(ended.code, 3, "{verb}: {ended:?}");
    }
    // The control: without that requirement the same host starts the same service.
    if let Some(stage) = Stage::new(Host::Container, "") {
        assert_eq!(stage.run(&["exit", "7"]).code, 7);
    }
}

#[test]
fn a_port_that_is_taken_is_the_programs_own_error() {
    for host in [Host::Plain, Host::Container] {
        let port = free_port();
        let net = format!("[net]\nlisten = [\"127.0.0.1:{port}\"]\n");
        let Some(stage) = Stage::new(host, &net) else { continue };
        let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let act = ["bind", &port.to_string()];
        let said = |ended: Ended| (ended.code, ended.stdout);
        let error = format!("error {}\n", libc::EADDRINUSE);
        assert_eq!(said(stage.run(&act)), (0, error));
        drop(taken);
        assert_eq!(said(stage.run(&act)), (0, "bound\n".to_owned()), "the control");
    }
}

#[test]
fn arguments_and_environment_that_are_too_long_are_refused_with_a_hint() {
    for host in [Host::Plain, Host::Container] {
        // The kernel takes no single string of 128 KiB or more (execve(2)).
        let long = format!("[env]\nset = {{ LONG = \"{}\" }}\n", "x".repeat(140_000));
        let Some(stage) = Stage::new(host, &long) else { continue };
        let ended = stage.run(&["exit", "0"]);
        assert_eq!(ended.code, 125, "{ended:?}");
        assert!(ended.stderr.contains("E2BIG") && ended.stderr.contains("hint: "), "{ended:?}");
        assert_eq!(ended.events("error")[0]["code"], "configuration");
        // The control: nearly as much as a caller can hand over at all.
        let long = "x".repeat(120_000);
        let Some(stage) = Stage::new(host, "") else { continue };
        let mut command = stage.command();
        command.args(["--", "/bin/sh", "-c", "exit $#", "sh"]).args([&long; 15]);
        assert_eq!(stage.finish(command).code, 15);
    }
}

/// The start of an act under a limit of the shell's.
fn under_limit(stage: &Stage, limit: &str, act: &[&str]) -> Ended {
    let inner = stage.command();
    let mut command = ringfence_tests::command::other("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.args(["--events", "events", "--", "./intruder"]).args(act);
    command.current_dir(stage.path(""));
    stage.finish(command)
}

#[test]
fn too_few_descriptors_are_an_error_or_enough() {
    for host in [Host::Plain, Host::Container] {
        let Some(stage) = Stage::new(host, "") else { continue };
        for few in (8..80).step_by(8) {
            let ended = under_limit(&stage, &format!("-n {few}"), &["exit", "7"]);
            let refused = ended.code == 125 && ended.stderr.contains("error: ");
            assert!(ended.code == 7 || refused, "{few}: {ended:?}");
        }
        assert_eq!(under_limit(&stage, "-n 256", &["exit", "7"]).code, 7, "the control");
    }
}

#[test]
fn a_host_short_of_processes_refuses_the_start_and_weakens_nothing() {
    // This boundary could do without namespaces; the host can give them.
    let sections = "[require]\nlayers = [\"landlock\", \"seccomp\", \"broker\"]\n";
    let Some(stage) = Stage::new(Host::Plain, sections) else { return };
    for few in ["1", "2", "3"] {
        let inner = stage.command();
        let mut command = ringfence_tests::command::other(env!("CARGO_BIN_EXE_intruder"));
        command.args(["few-processes", few]).arg(inner.get_program()).args(inner.get_args());
        command.args(["--events", "events", "--", "./intruder", "exit", "7"]);
        command.current_dir(stage.path(""));
        let ended = stage.finish(command);
        assert_eq!((ended.code, ended.stdout.as_str()), (125, ""), "{few}: {ended:?}");
        assert!(!ended.stderr.contains("warning: the layer `namespaces`"), "{few}: {ended:?}");
    }
}

#[test]
fn a_file_of_events_that_may_not_grow_does_not_end_the_service() {
    for host in [Host::Plain, Host::Container] {
        let Some(stage) = Stage::new(host, "") else { continue };
        fs::write(stage.path("events"), [b'x'; 4096]).unwrap();
        let ended = under_limit(&stage, "-f 1", &["denials-then-exit", "7"]);
        assert_eq!(ended.code, 7, "{ended:?}");
    }
}

#[test]
fn a_folder_that_is_replaced_during_the_start_is_refused_or_the_one_that_was_checked() {
    let outside = tempfile::tempdir().unwrap();
    let path = |name: &str| outside.path().canonicalize().unwrap().join(name);
    for name in ["data", "other"] {
        fs::create_dir(path(name)).unwrap();
    }
    let sections = format!("[fs]\nread = [\"./\", \"{}\"]\n", path("data").display());
    let Some(stage) = Stage::new(Host::Plain, &sections) else { return };
    let over = AtomicBool::new(false);
    let until = Instant::now() + PATIENCE;
    let (mut replaced, mut ran, mut rounds) = (0, 0, 0);
    let swap = |from: &str, to: &str| fs::rename(path(from), path(to)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                swap("data", "aside");
                swap("other", "data");
                swap("aside", "other");
            }
        });
        // A round that fails ends the other thread too.
        let _over = Over(&over);
        // So many at least, and as many as it takes to see the check matter once.
        while rounds < 60 || replaced == 0 && Instant::now() < until {
            rounds += 1;
            let ended = stage.run(&["exit", "7"]);
            match ended.code {
                7 => ran += 1,
                _ if ended.stderr.contains("replaced while the service was starting") => {
                    assert_eq!(ended.code, 125, "{ended:?}");
                    replaced += 1;
                }
                // Between two names it is not there at all.
                _ => assert!(
                    ended.stderr.contains("does not exist") || ended.stderr.contains("ENOENT"),
                    "{ended:?}"
                ),
            }
        }
    });
    assert!(replaced > 0, "the check was never seen to matter: {ran} ran");
}

/// Says that something is over when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `ringfence run` in a mount namespace where this folder is a file system without any room.
fn with_full_disk(playground: &Playground, folder: &str, arguments: &[&str]) -> Option<Run> {
    let mut command = ringfence_tests::command::other("unshare");
    if !is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let script = "mkdir -p \"$1\" && mount -t tmpfs -o size=4k none \"$1\" || exit 77; \
                  cat /dev/zero > \"$1/pad\" 2>/dev/null; test -s \"$1/pad\" || exit 77; \
                  shift; exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh", folder]);
    command.arg(ringfence_tests::command::binary()).arg("run").args(arguments);
    command.env("XDG_CACHE_HOME", playground.path().join("full"));
    let run = playground.finish(command.current_dir(playground.path()));
    let cannot = run.code == 77 || run.stderr.starts_with("unshare:");
    if cannot {
        ringfence_tests::not_run("no mount namespace can be made for a disk that is full");
    }
    (!cannot).then_some(run)
}

fn is_root() -> bool {
    ringfence_sys::privilege::effective_ids().0 == 0
}

#[test]
fn a_full_disk_behind_the_events_or_the_cache_changes_nothing_else() {
    let boundary = TRACE.replace("echo ran > trace/ran", "exit 7");
    let (playground, _socket) = odd_folder(&boundary);
    fs::set_permissions(playground.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let connects = "exec 3<>/dev/tcp/192.0.2.1/443; exit 7";
    let arguments = ["--events", "full/events", "--", "bash", "-c", connects];
    let Some(run) = with_full_disk(&playground, "full", &arguments) else { return };
    assert_eq!(run.code, 7, "{run}");
    let Some(node) = node("20.20.2") else { return };
    // It does not say its version in the place where it is looked for, so it is asked.
    let silent = replaced_all(&fs::read(node).unwrap(), b"/node-v", b"/nodX-v");
    let program = playground.path().join("node");
    make_program(&program, &silent);
    let cache = if is_root() { "/var/cache" } else { "full" };
    // More it cannot do: its own snapshot holds the version too, with a checksum.
    let run = with_full_disk(&playground, cache, &["--", "./node", "--version"]).unwrap();
    assert_eq!((run.code, run.stdout.as_str()), (0, "v20.20.2\n"), "{run}");
}

#[test]
fn a_node_that_is_too_old_is_refused() {
    let Some(node) = node("20.20.2") else { return };
    let (playground, _socket) = odd_folder(TRACE);
    let program = playground.path().join("node");
    let old = replaced_all(&fs::read(node).unwrap(), b"/node-v20.", b"/node-v18.");
    make_program(&program, &old);
    let run = playground.run(["run", "--", "./node", "-e", "0"]);
    assert_refused(&playground, &run, "18.20.2", "configuration");
    let run = playground.run(["check-config"]);
    assert_eq!(run.code, 0, "the file itself is in order: {run}");
}

/// A program that can be executed at once (see [`copy`]).
fn make_program(at: &Path, bytes: &[u8]) {
    let part = at.with_extension("part");
    fs::write(&part, bytes).unwrap();
    copy(&part, at);
    fs::remove_file(&part).unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
}

fn replaced_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], from) {
        bytes[at + found..][..to.len()].copy_from_slice(to);
        at += found + to.len();
    }
    bytes
}

/// Where `wanted` is; by its first byte, because a Node has a hundred million.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == wanted[0])?;
        if bytes[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// A Node of the tests, where `cargo xtask setup` has put it.
pub(crate) fn node(version: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map_or_else(
        || {
            let target = &workspace::metadata()["target_directory"];
            Path::new(target.as_str().unwrap()).join("ringfence-nodes")
        },
        PathBuf::from,
    );
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let package = format!("node_modules/node-linux-{machine}/bin/node");
    let node = folder.join(version).join(package);
    if !node.is_file() {
        ringfence_tests::not_run(&format!("Node {version} is not there: cargo xtask setup"));
        return None;
    }
    Some(node)
}
