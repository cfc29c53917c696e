//! `ringfence prove --attach`: it attacks beside a live service, looks at it, disturbs nothing and
//! leaves nothing; and it says so when it may not, or when the service runs something else.

use ringfence_tests::command::{self, Playground, Run};
use ringfence_tests::{PATIENCE, not_run, port};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// A service that answers every connection, in a boundary of its own.
struct Service {
    playground: Playground,
    supervisor: Child,
    port: u16,
}

impl Service {
    /// Starts it; `None`, and said by name, where it cannot be.
    fn start() -> Option<Self> {
        let Some(node) = node() else {
            not_run("node is not installed");
            return None;
        };
        let port = port::free();
        let boundary = format!(
            "schema = 1\n[service]\nname = \"attached\"\nstart = [\"{}\", \"main.js\"]\n\
             [fs]\nread = [\"./\"]\ndroppable = [\"./given-up\"]\n[net]\nlisten = [\"127.0.0.1:{port}\"]\n\
             udp = [\"127.0.0.1:{port}\"]\n\
             [limits]\nopen-files = 1024\n{REQUIRE}",
            node.display()
        );
        let script = format!(
            "require('dns').lookup('{OWN_NAME}', () => require('net')\
             .createServer((socket) => socket.end('served')).listen({port}, '127.0.0.1'));\n"
        );
        let playground = Playground::new()
            .with("ringfence.toml", &boundary)
            .with("main.js", &script)
            .with("given-up", "x");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(playground.path(), open).unwrap();
        let stderr = fs::File::create(playground.path().join("stderr")).unwrap();
        let mut run = playground.command();
        run.arg("run").stdout(Stdio::null()).stderr(stderr);
        let supervisor = run.spawn().unwrap();
        let mut service = Self { playground, supervisor, port };
        let deadline = Instant::now() + PATIENCE;
        while !service.serves() || !service.stderr().contains(OWN_NAME) {
            if service.supervisor.try_wait().unwrap().is_some() {
                not_run("this host cannot enforce a boundary with every layer");
                return None;
            }
            assert!(Instant::now() < deadline, "{}", service.stderr());
            std::thread::yield_now();
        }
        Some(service)
    }

    fn pid(&self) -> u32 {
        self.supervisor.id()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.playground.path().join("stderr")).unwrap_or_default()
    }

    fn serves(&self) -> bool {
        ask(self.port)
    }

    fn attach(&self, more: &[&str]) -> Run {
        let pid = self.pid().to_string();
        self.playground.run(["prove", "--attach", &pid].into_iter().chain(more.iter().copied()))
    }

    /// Processes, mounts and members of control groups that are there because of this service.
    fn traces(&self) -> Vec<String> {
        let folder = self.playground.path().to_string_lossy().into_owned();
        let mut found: Vec<String> = below(self.pid());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        found.extend(mounts.lines().filter(|line| line.contains(&folder)).map(str::to_owned));
        found.sort();
        found
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

/// A name that the service itself asks for without a grant: its refusal is among its events.
const OWN_NAME: &str = "asked-by-the-service.invalid";

/// The layers that hosts of tests have; control groups often are not writable.
const REQUIRE: &str = "[require]\nlayers = [\"environment\", \"identity\", \"namespaces\", \
                       \"rlimits\", \"landlock\", \"seccomp\", \"broker\"]\n";

fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("node"));
    found.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file())
}

fn ask(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).is_ok() && answer == "served"
}

/// Everything below a supervisor, and everything in the pid namespace of its service.
fn below(supervisor: u32) -> Vec<String> {
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids: Vec<u32> = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    let mut inside = vec![supervisor];
    let mut at = 0;
    while let Some(parent) = inside.get(at).copied() {
        let children = pids.iter().filter(|pid| {
            field(&status(**pid), "PPid:") == parent.to_string() && !inside.contains(pid)
        });
        let children: Vec<u32> = children.copied().collect();
        inside.extend(children);
        at += 1;
    }
    let own = namespace(std::process::id());
    let theirs =
        inside.iter().filter_map(|pid| namespace(*pid)).find(|found| Some(found) != own.as_ref());
    let guests = pids.iter().filter(|pid| theirs.is_some() && namespace(**pid) == theirs);
    let guests: Vec<u32> = guests.filter(|pid| !inside.contains(pid)).copied().collect();
    inside.extend(guests);
    inside.iter().map(|pid| format!("{pid} {}", field(&status(*pid), "Name:"))).collect()
}

#[test]
fn a_live_service_is_attacked_and_inspected_and_goes_on_serving() {
    let Some(service) = Service::start() else { return };
    let (before, events) = (service.traces(), service.stderr());
    let (served, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let port = service.port;
    let client = std::thread::spawn({
        let (served, failed, stop) = (Arc::clone(&served), Arc::clone(&failed), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                let counter = if ask(port) { &served } else { &failed };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let run = service.attach(&["--format", "json"]);
    stop.store(true, Ordering::Relaxed);
    client.join().unwrap();
    let proof: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", run.code, run.stderr));
    for check in proof["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], "blocked", "{check}");
    }
    let probes = proof["probes"].as_array().unwrap();
    let open: Vec<&Value> = probes.iter().filter(|probe| probe["verdict"] == "open").collect();
    assert!(open.is_empty(), "{open:?}");
    let beside = proof["attached"]["beside"].as_array().unwrap();
    let blocked = probes.iter().filter(|probe| {
        probe["verdict"] == "blocked" && beside.iter().any(|id| *id == probe["probe"])
    });
    let blocked = blocked.count();
    assert!(blocked > 60, "{blocked} of {}", beside.len());
    assert_eq!(proof["attached"]["supervisor"], service.pid());
    assert!(served.load(Ordering::Relaxed) > 10, "{}", service.stderr());
    assert_eq!(failed.load(Ordering::Relaxed), 0, "requests failed: {}", service.stderr());
    assert!(service.serves());
    assert_eq!(service.traces(), before);
    assert!(events.contains(OWN_NAME), "the control: its own refusals are events");
    assert_eq!(service.stderr(), events, "no attack is among the service's own events");
}

#[test]
fn the_page_names_the_service_and_what_was_seen_of_it() {
    let Some(service) = Service::start() else { return };
    let arguments = ["--only", "identity", "--format", "json", "--report", "proof.html"];
    let run = service.attach(&arguments);
    let proof: Value = serde_json::from_str(&run.stdout).unwrap();
    let page = fs::read_to_string(service.playground.path().join("proof.html")).unwrap();
    assert!(page.contains(&format!("Attached to process {}<", proof["attached"]["program"])));
    for check in proof["checks"].as_array().unwrap() {
        let id = check["check"].as_str().unwrap();
        assert!(page.contains(&format!("<code>{id}</code>")), "{id}");
    }
}

#[test]
fn a_live_service_that_is_not_as_planned_is_attested_as_broken() {
    let Some(service) = Service::start() else { return };
    let attested = |name: &str| {
        let run = service.attach(&["--only", "identity", "--format", "json", "--attest", name]);
        let text = fs::read_to_string(service.playground.path().join(name)).unwrap();
        let statement: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(statement["predicate"]["result"]["exitCode"], run.code);
        (statement, serde_json::from_str::<Value>(&run.stdout).unwrap())
    };
    let (statement, proof) = attested("control.json");
    assert_ne!(statement["predicate"]["result"]["verdict"], "broken", "{statement:#}");
    let attached = &statement["predicate"]["options"]["attached"];
    assert_eq!(attached["supervisor"], service.pid());
    // A process of the host's own namespaces among those of the service.
    let mut enter = command::other("nsenter");
    enter.args(["--target", &proof["attached"]["program"].to_string(), "--pid"]);
    enter.args(["sh", "-c", "echo in; exec sleep 600"]).stdout(Stdio::piped());
    let Ok(mut intruder) = enter.stderr(Stdio::null()).spawn() else {
        not_run("nsenter is not installed");
        return;
    };
    let mut said = [0; 3];
    let joined = intruder.stdout.take().is_some_and(|mut pipe| pipe.read_exact(&mut said).is_ok());
    if !joined {
        not_run("joining the service's pid namespace from outside needs root");
        return;
    }
    let (statement, _) = attested("proof.json");
    let _ = intruder.kill().and_then(|()| intruder.wait());
    assert_eq!(statement["predicate"]["result"]["verdict"], "broken", "{statement:#}");
    let checks = statement["predicate"]["checks"].as_array().unwrap();
    let namespaces = checks.iter().find(|check| check["check"] == "live-namespaces").unwrap();
    assert_eq!(namespaces["verdict"], "open", "{namespaces}");
}

#[test]
fn after_a_drop_every_form_says_that_the_service_has_less_than_its_file() {
    let Some(service) = Service::start() else { return };
    let path = service.playground.path().join("given-up");
    let (pid, path) = (service.pid().to_string(), path.to_string_lossy().into_owned());
    let run = service.playground.run(["drop", "--pid", &pid, "fs.read", &path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = service.attach(&["--only", "identity", "--report", "proof.html"]);
    assert!(
        run.stdout.contains("grants were dropped since it started"),
        "{} {}",
        run.stdout,
        run.stderr
    );
    let page = fs::read_to_string(service.playground.path().join("proof.html")).unwrap();
    let header = page.split("</header>").next().unwrap();
    assert!(header.contains("Grants were dropped since the service started"), "{header}");
}

#[test]
fn any_process_of_the_service_leads_to_it() {
    let Some(service) = Service::start() else { return };
    let run = service.attach(&["--only", "identity", "--format", "json"]);
    let proof: Value = serde_json::from_str(&run.stdout).unwrap();
    let program = proof["attached"]["program"].to_string();
    let arguments = ["prove", "--attach", &program, "--only", "identity", "--format", "json"];
    let again = service.playground.run(arguments);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["attached"]["supervisor"], proof["attached"]["supervisor"]);
}

#[test]
fn another_boundary_is_refused_with_what_to_do() {
    let Some(service) = Service::start() else { return };
    let file = service.playground.path().join("ringfence.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n# changed since\n")).unwrap();
    let run = service.attach(&[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert!(run.stderr.contains("runs another boundary"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert!(service.serves());
}

#[test]
fn a_process_that_is_no_service_is_refused_with_what_to_do() {
    let playground = Playground::new();
    let own = std::process::id().to_string();
    for pid in [own.as_str(), "4194304"] {
        let run = playground.run(["prove", "--attach", pid]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn without_rights_nothing_is_claimed() {
    let Some(service) = Service::start() else { return };
    let pid = service.pid().to_string();
    let mut other = command::other("setpriv");
    other.args(["--reuid=4242", "--regid=4242", "--clear-groups"]).arg(command::binary());
    other.args(["prove", "--attach", &pid, "--config"]);
    other.arg(service.playground.path().join("ringfence.toml")).stdin(Stdio::null());
    let output = other.output();
    let Some(output) = output.ok().filter(|_| is_root()) else {
        not_run("another user's service needs root and setpriv");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(said.contains("hint: ask as the user who runs `ringfence run`, or as root"), "{said}");
    assert!(service.serves());
}

#[test]
fn killed_in_the_middle_it_leaves_nothing_and_the_service_serves_on() {
    let Some(service) = Service::start() else { return };
    let before = service.traces();
    let pid = service.pid().to_string();
    for _ in 0..3 {
        let mut attach = service.playground.command();
        attach.args(["prove", "--attach", &pid]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = attach.spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while service.traces() == before {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it had attacked");
            assert!(Instant::now() < deadline, "it attacks nothing");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while service.traces() != before {
            let left = service.traces();
            assert!(Instant::now() < deadline, "{left:#?} instead of {before:#?}");
            std::thread::yield_now();
        }
        assert!(service.serves());
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}
