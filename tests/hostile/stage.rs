//! A place to run a service in: its folder, its boundary, the act it plays, and how it ends.
//!
//! Every wait has a deadline and is on a descriptor. A service that outlives its test is killed
//! with it.

use ringfence_sys::{peer, wait};
pub(crate) use ringfence_tests::PATIENCE;
use ringfence_tests::command::{self, Playground};
pub(crate) use ringfence_tests::port::free as free_port;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

/// What kind of host ringfence runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// This one.
    Plain,
    /// This one under the filter of a container, which refuses namespaces.
    Container,
}

/// A folder with a boundary and the program that misbehaves.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) playground: Playground,
    host: Host,
}

/// A running `ringfence run`, with its service's streams.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pidfd: OwnedFd,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    unread: Vec<u8>,
    folder: PathBuf,
}

/// Layers that a container can give.
const IN_CONTAINER: &str = "layers = [\"environment\", \"identity\", \"cgroup\", \"rlimits\", \
                            \"landlock\", \"seccomp\", \"broker\", \"node-flags\"]";

impl Stage {
    /// A stage on this kind of host, with these sections besides the usual ones. `None`, and said by
    /// name, where such a host cannot enforce a boundary at all.
    pub(crate) fn new(host: Host, sections: &str) -> Option<Self> {
        if !can_enforce(host) {
            ringfence_tests::not_run(match host {
                Host::Plain => "this host cannot enforce a boundary with every layer",
                Host::Container => "a container on this host cannot enforce a boundary",
            });
            return None;
        }
        Some(Self::unchecked(host, sections))
    }

    /// The same, whatever the host can do.
    pub(crate) fn unchecked(host: Host, sections: &str) -> Self {
        let mut boundary = String::from(
            "schema = 1\n[service]\nname = \"hostile\"\nstart = [\"./intruder\", \"exit\", \"0\"]\n\
             stop-timeout = \"200ms\"\n",
        );
        if !sections.contains("[fs]") {
            boundary.push_str("[fs]\nread = [\"./\"]\n");
        }
        if host == Host::Container && !sections.contains("[require]") {
            let _ = writeln!(boundary, "[require]\n{IN_CONTAINER}");
        }
        boundary.push_str(sections);
        let playground = Playground::new().with("ringfence.toml", &boundary);
        let folder = playground.path();
        // The service's user, who is not root's, must reach what lies here.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        copy(Path::new(env!("CARGO_BIN_EXE_intruder")), &folder.join("intruder"));
        Self { playground, host }
    }

    /// Path of something in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.playground.path().join(name)
    }

    /// `ringfence run`, to be given options and `--`.
    pub(crate) fn command(&self) -> Command {
        self.verb("run")
    }

    /// `ringfence` with a verb.
    pub(crate) fn verb(&self, verb: &str) -> Command {
        let mut command = match self.host {
            Host::Plain => self.playground.command(),
            Host::Container => {
                let mut command = command::other(env!("CARGO_BIN_EXE_intruder"));
                command.arg("in-container").arg(command::binary());
                command.current_dir(self.playground.path()).stdin(Stdio::null());
                command
            }
        };
        command.arg(verb);
        command
    }

    /// Starts an act; events go to a file.
    pub(crate) fn start(&self, act: &[&str]) -> Service {
        let mut command = self.command();
        command.args(["--events", "events", "--", "./intruder"]).args(act);
        self.spawn(command)
    }

    /// Starts a command with pipes for input and output, and a file for standard error.
    pub(crate) fn spawn(&self, mut command: Command) -> Service {
        let error = File::create(self.path("stderr")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(error);
        let mut child = command.spawn().unwrap();
        let pidfd = peer::pidfd_open(i32::try_from(child.id()).unwrap()).unwrap();
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().unwrap();
        let folder = self.playground.path();
        Service { child, pidfd, stdin, stdout, unread: Vec::new(), folder }
    }

    /// Runs an act to its end: exit code, output, events.
    pub(crate) fn run(&self, act: &[&str]) -> Ended {
        let mut service = self.start(act);
        service.end_input();
        service.wait()
    }

    /// Runs a command to its end; nothing is written to it.
    pub(crate) fn finish(&self, command: Command) -> Ended {
        let mut service = self.spawn(command);
        service.end_input();
        service.wait()
    }
}

/// How a service ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; -1 when a signal ended the supervisor itself.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) events: String,
}

impl Ended {
    /// Lines of standard error that do not warn of a layer which the host of the test lacks.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines.filter(|line| !line.starts_with("warning: the layer ")).collect()
    }

    /// Events of this kind.
    pub(crate) fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        let lines = self.events.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|event: &serde_json::Value| event["kind"] == kind).collect()
    }
}

impl Service {
    /// The supervisor.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// A handle of the supervisor.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The next line the service says.
    pub(crate) fn line(&mut self) -> String {
        match self.line_or_end() {
            Some(line) => line,
            None => panic!("the service ended without a line: {}", self.stderr()),
        }
    }

    /// The next line the service says; `None` when there is none.
    pub(crate) fn line_or_end(&mut self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = wait::readable(&[self.stdout.as_fd()], Some(left)).unwrap();
            assert!(ready != 0, "the service says nothing: {}", self.stderr());
            let mut room = [0; 4096];
            let length = self.stdout.read(&mut room).unwrap();
            if length == 0 {
                return None;
            }
            self.unread.extend_from_slice(&room[..length]);
        }
    }

    /// The next line, which must be this one.
    pub(crate) fn expect(&mut self, wanted: &str) {
        assert_eq!(self.line(), wanted, "{}", self.stderr());
    }

    /// Says a line to the service.
    pub(crate) fn say(&mut self, line: &str) {
        self.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The service's input ends.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Sends the supervisor a signal.
    pub(crate) fn signal(&self, number: i32) {
        wait::send_signal(self.pidfd.as_fd(), number).unwrap();
    }

    /// What the supervisor and the service said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        text(&self.folder.join("stderr"))
    }

    /// Waits for the end, and holds every run to what is never allowed.
    pub(crate) fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let mut stdout = std::mem::take(&mut self.unread);
        // Its output is read meanwhile, or a service that writes much would never end.
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let sources = [self.stdout.as_fd(), self.pidfd.as_fd()];
            let ready = wait::readable(&sources, Some(left)).unwrap();
            assert!(ready != 0, "the run does not end: {}", self.stderr());
            let mut room = [0; 4096];
            if ready & 1 == 0 {
                break;
            }
            match self.stdout.read(&mut room).unwrap() {
                0 => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let ended = wait::readable(&[self.pidfd.as_fd()], Some(left)).unwrap();
                    assert!(ended != 0, "the run does not end: {}", self.stderr());
                    break;
                }
                length => stdout.extend_from_slice(&room[..length]),
            }
        }
        let status = self.child.wait().unwrap();
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked at"), "{stderr}");
        assert!(!matches!(status.signal(), Some(libc::SIGABRT | libc::SIGSEGV)), "{stderr}");
        let events = text(&self.folder.join("events"));
        let stdout = String::from_utf8_lossy(&stdout).into_owned();
        Ended { code: status.code().unwrap_or(-1), stdout, stderr, events }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; one that passed has waited.
        let _ = wait::send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Copies a program, by another process: a child of another test that has the copy open for writing
/// while it is born would keep it from being executed.
pub(crate) fn copy(program: &Path, to: &Path) {
    assert!(ringfence_tests::command::other("cp").arg(program).arg(to).status().unwrap().success());
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Whether a boundary can be enforced here at all, which no test can mend.
fn can_enforce(host: Host) -> bool {
    static PLAIN: OnceLock<bool> = OnceLock::new();
    static CONTAINER: OnceLock<bool> = OnceLock::new();
    let known = match host {
        Host::Plain => &PLAIN,
        Host::Container => &CONTAINER,
    };
    *known.get_or_init(|| {
        let ended = Stage::unchecked(host, "").run(&["exit", "7"]);
        // Anything but a refusal by the host is for the tests to judge.
        !(ended.code == 125 && ended.events("error").iter().any(|event| event["code"] == "host"))
    })
}
