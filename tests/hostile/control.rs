//! The control channel against those who hold it and those who should not: malformed and too many
//! packets, channels in other hands, callers who die, addresses that are taken.
//!
//! Whatever they do, other processes and callers are answered, the service goes on, and nothing is
//! granted that was not.

use crate::bad_input::node;
use crate::stage::{Host, PATIENCE, Service, Stage};
use ringfence_sys::{packet, wait};
use serde_json::{Value, json};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

/// Asks over the channel, and says things to the test.
const PRELUDE: &str = r"
const fs = require('fs'), cp = require('child_process');
const own = +process.env.RINGFENCE_CONTROL;
let id = 0;
function take(fd) {
  const room = Buffer.alloc(8192);
  const length = fs.readSync(fd, room);
  return length === 0 ? { closed: true } : JSON.parse(room.toString('utf8', 0, length));
}
function raw(bytes, fd = own) { fs.writeSync(fd, bytes); return take(fd); }
function text(op, scope, reference) { return JSON.stringify({ v: 1, id: ++id, op, scope, reference }); }
function ask(op, scope, reference, fd = own) { return raw(text(op, scope, reference), fd); }
function say(what) { fs.writeSync(1, (typeof what === 'string' ? what : JSON.stringify(what)) + '\n'); }
function hear() { const room = Buffer.alloc(64); return fs.readSync(0, room) > 0; }
";

const NET: &str = "[net]\nconnect = [\"127.0.0.1:6379\", \"api.internal:443\"]\n";

/// Every test talks with JavaScript on this Node.
fn node_of_the_tests() -> Option<PathBuf> {
    node("24.21.0")
}

/// A stage with a script, and the command that runs it.
fn service(sections: &str, script: &str) -> Option<(Stage, Service)> {
    let node = node_of_the_tests()?;
    let stage = Stage::new(Host::Plain, sections)?;
    let service = start(&stage, &node, script, stage.command());
    Some((stage, service))
}

fn start(
    stage: &Stage,
    node: &std::path::Path,
    script: &str,
    mut command: std::process::Command,
) -> Service {
    let path = stage.path("app.cjs");
    std::fs::write(&path, format!("{PRELUDE}\n{script}")).unwrap();
    command.args(["--events", "events", "--"]).arg(node).arg("./app.cjs");
    stage.spawn(command)
}

/// A caller from outside.
struct Caller(OwnedFd);

impl Caller {
    fn of(service: &Service) -> Self {
        let name = format!("ringfence/{}", service.pid());
        let until = Instant::now() + PATIENCE;
        loop {
            // It may be starting still.
            match packet::connect(name.as_bytes()) {
                Ok(socket) => return Self(socket),
                Err(errno) => assert!(Instant::now() < until, "nobody listens: {errno}"),
            }
        }
    }

    fn send(&self, bytes: &[u8]) {
        packet::send(self.0.as_fd(), bytes).unwrap();
    }

    /// The next packet; nothing when the connection was closed.
    fn take(&self) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut room = [0; 8192];
        let left = deadline.saturating_duration_since(Instant::now());
        assert_eq!(wait::readable(&[self.0.as_fd()], Some(left)), Ok(1), "nobody answers");
        match packet::receive(self.0.as_fd(), &mut room) {
            Ok(got) if got.length > 0 => Some(serde_json::from_slice(&room[..got.length]).unwrap()),
            _ => None,
        }
    }

    fn ask(&self, op: &str, scope: &str, reference: &str) -> Value {
        let request = json!({"v": 1, "id": 1, "op": op, "scope": scope, "reference": reference});
        self.send(request.to_string().as_bytes());
        self.take().unwrap()
    }
}

#[test]
fn malformed_packets_are_answered_and_change_nothing() {
    let script = r#"
        const bad = ['', 'x', '[]', '{}', '{"v":1}', '{"v":1,"id":1}', '{"v":9,"id":1,"op":"has","scope":"net"}',
            '{"v":1,"id":1,"op":"grant","scope":"net"}', '{"v":1,"id":1e99,"op":"has","scope":"net"}',
            '{"v":1,"id":1,"op":"has","scope":["net"]}', '{"v":1,"id":1,"op":"identity"}', '['.repeat(8192),
            '{"v":1,"id":1,"op":"has","scope":"net","reference":"' + 'a'.repeat(9000) + '"}',
            Buffer.from([0xff, 0xfe, 0, 1]), '\0'.repeat(100)];
        for (const packet of bad) {
            const answer = raw(Buffer.from(packet));
            if (answer.ok !== false || answer.error.code !== 'bad-request') say({ packet, answer });
        }
        say(ask('has', 'nett').error.code);
        say(ask('has', 'net', 'no port:').error.code);
        say(String(ask('has', 'net', 'api.internal:443').value));
        say(String(ask('has', 'net', 'evil.test:443').value));
    "#;
    let Some((_stage, mut service)) = service(NET, script) else { return };
    for wanted in ["unknown-scope", "bad-reference", "true", "false"] {
        service.expect(wanted);
    }
    assert_eq!(service.wait().code, 0);
}

#[test]
fn ten_thousand_requests_are_answered_in_order_and_one_who_does_not_read_is_closed() {
    let script = r"
        let wrong = 0;
        for (let round = 0; round < 10000; round++) {
            const answer = ask('has', 'net', round % 2 ? 'api.internal:443' : 'evil.test:443');
            if (answer.id !== id || answer.value !== (round % 2 === 1)) wrong++;
        }
        say('wrong ' + wrong);
        let code;
        for (let round = 0; round < 1000000 && !code; round++) {
            try { fs.writeSync(own, text('has', 'net', 'api.internal:443')); } catch (error) { code = error.code; }
        }
        say(['EPIPE', 'ECONNRESET'].includes(code) ? 'closed' : String(code));
        say('go on');
        hear();
    ";
    let Some((_stage, mut service)) = service(NET, script) else { return };
    service.expect("wrong 0");
    service.expect("closed");
    service.expect("go on");
    let caller = Caller::of(&service);
    assert_eq!(caller.ask("has", "net", "api.internal:443")["value"], true, "others are answered");
    service.end_input();
    assert_eq!(service.wait().code, 0);
}

#[test]
fn a_channel_in_other_hands_narrows_and_does_nothing_else() {
    let sections = format!("{NET}[process]\nchildren = [\"NODE\", \"/bin/sh\"]\n");
    let Some(node) = node_of_the_tests() else { return };
    let sections = sections.replace("NODE", node.to_str().unwrap());
    let script = r"
        if (process.argv[2] === 'child') {
            say('own ' + ask('has', 'net', '127.0.0.1:6379').value);
            say('passed ' + ask('has', 'net', '127.0.0.1:6379', 3).value);
            say('dropped ' + ask('drop', 'net', '127.0.0.1:6379', 3).ok);
            process.exit(0);
        }
        const options = { stdio: ['ignore', 1, 2, own] };
        cp.spawnSync(process.execPath, [__filename, 'child'], options);
        say('parent ' + ask('has', 'net', '127.0.0.1:6379').value);
        // Another program finds no channel, whatever its parent had.
        const shell = cp.spawnSync('/bin/sh', ['-c', 'test -e /proc/self/fd/' + own + '; echo $?'], { encoding: 'utf8' });
        say('shell ' + shell.stdout.trim());
    ";
    let Some((_stage, mut service)) = service(&sections, script) else { return };
    for wanted in ["own true", "passed true", "dropped true", "parent false", "shell 1"] {
        service.expect(wanted);
    }
    assert_eq!(service.wait().code, 0);
}

#[test]
fn channels_of_processes_that_ended_make_room_for_others() {
    let sections = format!("{NET}[process]\nchildren = [\"NODE\"]\n");
    let Some(node) = node_of_the_tests() else { return };
    let sections = sections.replace("NODE", node.to_str().unwrap());
    // More than may be open at once.
    let script = r"
        if (process.argv[2] === 'child') {
            say('child ' + ask('has', 'net', '127.0.0.1:6379').value);
            process.exit(0);
        }
        let left = 300;
        function next() {
            if (left-- <= 0) return;
            cp.spawn(process.execPath, ['--version'], { stdio: 'ignore' }).on('exit', next);
        }
        for (let lane = 0; lane < 4; lane++) next();
        process.on('exit', () => {
            cp.spawnSync(process.execPath, [__filename, 'child'], { stdio: ['ignore', 1, 2] });
        });
    ";
    let Some((_stage, mut service)) = service(&sections, script) else { return };
    service.expect("child true");
    assert_eq!(service.wait().code, 0);
}

#[test]
fn a_caller_who_dies_in_the_middle_changes_nothing_for_others() {
    let script = "say('ready'); hear(); say(String(ask('has', 'net', '127.0.0.1:6379').value));";
    let Some((_stage, mut service)) = service(NET, script) else { return };
    service.expect("ready");
    // As after SIGKILL: the request is out, and nobody is there for the answer.
    let caller = Caller::of(&service);
    caller.send(br#"{"v":1,"id":1,"op":"drop","scope":"net","reference":"127.0.0.1:6379"}"#);
    drop(caller);
    // Those who say nothing have their time, and no more.
    let silent: Vec<Caller> = (0..4).map(|_| Caller::of(&service)).collect();
    let caller = Caller::of(&service);
    assert_eq!(caller.ask("has", "net", "api.internal:443")["value"], true);
    assert!(silent.iter().all(|silent| silent.take().is_none()));
    // Garbage is answered as to anybody.
    caller.send(b"garbage");
    assert_eq!(caller.take().unwrap()["error"]["code"], "bad-request");
    // What was asked for before the death was done.
    service.say("now");
    service.expect("false");
    let ended = service.wait();
    assert_eq!((ended.code, ended.events("dropped").len()), (0, 1));
}

#[test]
fn another_user_is_refused_by_name_of_the_reason() {
    let script = "say('ready'); hear();";
    let Some((stage, mut service)) = service(NET, script) else { return };
    if ringfence_sys::privilege::effective_ids().0 != 0 {
        ringfence_tests::not_run("only root can ask as another user");
        return;
    }
    service.expect("ready");
    let pid = service.pid().to_string();
    let mut other = ringfence_tests::command::other(stage.path("intruder").to_str().unwrap());
    other.args(["as-nobody"]).arg(ringfence_tests::command::binary());
    other.args(["drop", "--pid", &pid, "net"]);
    let refused = stage.playground.finish(&mut other);
    assert_eq!(refused.code, 3, "{refused}");
    assert!(refused.stderr.contains("this boundary belongs to another user"), "{refused}");
    // Control: the same by root.
    let own = stage.playground.run(["drop", "--pid", &pid, "net"]);
    assert_eq!(own.code, 0, "{own}");
    service.end_input();
    assert_eq!(service.wait().code, 0);
}

#[test]
fn an_address_that_is_taken_costs_the_service_nothing_and_is_not_believed() {
    let Some(node) = node_of_the_tests() else { return };
    let Some(stage) = Stage::new(Host::Plain, NET) else { return };
    let mut command = ringfence_tests::command::other(stage.path("intruder").to_str().unwrap());
    command.current_dir(stage.playground.path());
    command.args(["squat"]).arg(ringfence_tests::command::binary()).arg("run");
    let script = "say(String(ask('has', 'net', 'api.internal:443').value)); hear();";
    let mut service = start(&stage, &node, script, command);
    service.expect("true");
    let pid = service.pid().to_string();
    let run = stage.playground.run(["drop", "--pid", &pid, "net"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("another process has taken the address"), "{run}");
    service.end_input();
    let ended = service.wait();
    let errors = ended.events("error");
    assert_eq!((ended.code, errors.len()), (0, 1), "{}", ended.events);
    assert_eq!(errors[0]["code"], "control-address");
}

#[test]
fn a_service_that_is_not_node_is_asked_from_outside() {
    let Some(stage) = Stage::new(Host::Plain, NET) else { return };
    let mut service = stage.start(&["until", "stdin"]);
    let caller = Caller::of(&service);
    let identity = json!({"v": 1, "id": 7, "op": "identity"}).to_string();
    caller.send(identity.as_bytes());
    let identity = caller.take().unwrap();
    assert_eq!((&identity["id"], &identity["service"]), (&json!(7), &json!("hostile")));
    // The program is there once its start is known.
    let until = Instant::now() + PATIENCE;
    let own = stage.playground.path().join("intruder");
    let reads = |path: &str| caller.ask("has", "fs.read", path)["value"] == true;
    while !reads(own.to_str().unwrap()) {
        assert!(Instant::now() < until, "the service's own file is granted");
    }
    assert!(!reads("/etc/shadow") && !reads("/nowhere"));
    service.end_input();
    assert_eq!(service.wait().code, 0);
}

#[test]
fn dropped_datagrams_go_nowhere_and_their_listener_is_free_again() {
    let echo = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    echo.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = echo.local_addr().unwrap().port();
    let own = crate::stage::free_port();
    let sections =
        format!("[net]\nudp = [\"127.0.0.1:{port}\"]\nudp-listen = [\"127.0.0.1:{own}\"]\n");
    let script = format!(
        "const socket = require('dgram').createSocket('udp4');
         const send = (text, then) => socket.send(text, {port}, '127.0.0.1', then);
         send('before', () => {{
           say('sent');
           hear();
           const dropped = ask('drop', 'net.udp', '127.0.0.1:{port}').dropped;
           say('flows ' + dropped.flows);
           say('listeners ' + ask('drop', 'net.listen', '127.0.0.1:{own}').dropped.listeners);
           send('after', () => {{ say('sent'); hear(); socket.close(); }});
         }});"
    );
    let Some((_stage, mut service)) = service(&sections, &script) else { return };
    service.expect("sent");
    let mut room = [0; 16];
    let (length, _) = echo.recv_from(&mut room).unwrap();
    assert_eq!(&room[..length], b"before", "control: it arrives");
    let taken = std::net::UdpSocket::bind(("127.0.0.1", own)).err();
    assert!(taken.is_some(), "control: the relay listens");
    service.say("go on");
    for wanted in ["flows 1", "listeners 1", "sent"] {
        service.expect(wanted);
    }
    std::net::UdpSocket::bind(("127.0.0.1", own)).unwrap();
    service.end_input();
    let ended = service.wait();
    assert_eq!((ended.code, ended.events("dropped").len()), (0, 2), "{}", ended.stderr);
    // Whatever was sent after the drop would have arrived by the end of the service.
    echo.set_nonblocking(true).unwrap();
    assert!(echo.recv_from(&mut room).is_err(), "nothing of it arrives");
}
