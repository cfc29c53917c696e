//! A service that will not end, or makes too much of itself.

use crate::leftovers;
use crate::stage::{Host, PATIENCE, Service, Stage};
use ringfence_sys::{fd, pty, wait};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::time::{Duration, Instant};

const HOSTS: [Host; 2] = [Host::Plain, Host::Container];

/// What `stop-timeout` of a stage is.
const STOP_TIMEOUT: Duration = Duration::from_millis(200);

#[test]
fn a_service_that_ignores_sigterm_is_killed_after_its_stop_timeout() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let mut service = stage.start(&["stubborn"]);
        service.expect("ready");
        stop_by_force(service);
    }
}

#[test]
fn a_service_that_has_stopped_itself_is_killed_after_its_stop_timeout() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let mut service = stage.start(&["stop"]);
        service.expect("ready");
        let own = leftovers::chain(service.pid())[3];
        let deadline = Instant::now() + PATIENCE;
        while leftovers::state(own) != Some('T') {
            assert!(Instant::now() < deadline, "it has not stopped");
            std::thread::yield_now();
        }
        stop_by_force(service);
    }
}

fn stop_by_force(service: Service) {
    let began = Instant::now();
    service.signal(libc::SIGTERM);
    let ended = service.wait();
    assert_eq!(ended.code, 128 + libc::SIGKILL, "{ended:?}");
    assert!(began.elapsed() >= STOP_TIMEOUT, "it was not given its time");
}

#[test]
fn a_process_bomb_ends_at_the_limit_and_leaves_nothing() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "[limits]\npids = 40\n") else { continue };
        let mark = stage.path("bomb").to_string_lossy().into_owned();
        let mut service = stage.start(&["fork-until-refused", &mark]);
        let Some(said) = service.line_or_end() else {
            let ended = service.wait();
            // Another start's groups are no reason that a host could have.
            let lacks = ended.stderr.contains("layer `cgroup` is required");
            assert!(lacks && !ended.stderr.contains("EEXIST"), "{ended:?}");
            ringfence_tests::not_run("this host gives no control group for a limit of processes");
            continue;
        };
        assert_eq!(said, format!("made 39 refused {}", libc::EAGAIN));
        let supervisor = service.pid();
        assert!(!leftovers::groups("hostile", supervisor).is_empty(), "the control");
        service.signal(libc::SIGKILL);
        assert_eq!(service.wait().code, -1);
        leftovers::wait_for_none(&mark).unwrap();
        // The groups of a killed supervisor are nobody's: the next start takes them away.
        assert_eq!(stage.run(&["exit", "3"]).code, 3);
        assert!(leftovers::groups("hostile", supervisor).is_empty());
    }
}

#[test]
fn processes_that_start_the_next_and_end_do_not_outrun_their_death() {
    for host in HOSTS {
        for victim in 0..3 {
            let Some(stage) = Stage::new(host, "") else { continue };
            let mark = stage.path("hop").to_string_lossy().into_owned();
            let mut service = stage.start(&["hop", "8", &mark]);
            service.expect("ready");
            let chain = leftovers::chain(service.pid());
            let victim = ringfence_sys::peer::pidfd_open(chain[victim]).unwrap();
            wait::send_signal(victim.as_fd(), libc::SIGKILL).unwrap();
            let _ = service.wait();
            leftovers::wait_for_none(&mark).unwrap();
        }
    }
}

#[test]
fn one_key_at_a_terminal_is_one_signal() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let (master, terminal) = pty::open().unwrap();
        let inner = stage.command();
        let mut command = ringfence_tests::command::other(env!("CARGO_BIN_EXE_intruder"));
        command.arg("on-terminal").arg(inner.get_program()).args(inner.get_args());
        command.args(["--events", "events", "--", "./intruder", "signals"]);
        command.current_dir(stage.path(""));
        let copy = || Stdio::from(terminal.try_clone().unwrap());
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let mut child = command.spawn().unwrap();
        drop((command, terminal));
        let mut shown = Shown { master, text: String::new() };
        shown.wait_for("ready");
        for key in 1..=2 {
            fd::write_all(shown.master.as_fd(), b"\x03").unwrap();
            shown.wait_for("interrupt");
            // Whatever the supervisor passes on after a key, it passes on before this.
            signal(child.id(), libc::SIGUSR1);
            shown.wait_for(&format!("interrupts {key}"));
        }
        // A signal from elsewhere is passed on, once.
        signal(child.id(), libc::SIGINT);
        shown.wait_for("interrupt");
        signal(child.id(), libc::SIGUSR1);
        shown.wait_for("interrupts 3");
        signal(child.id(), libc::SIGTERM);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

fn signal(pid: u32, number: i32) {
    let pidfd = ringfence_sys::peer::pidfd_open(pid.cast_signed()).unwrap();
    wait::send_signal(pidfd.as_fd(), number).unwrap();
}

/// What a terminal shows.
struct Shown {
    master: OwnedFd,
    text: String,
}

impl Shown {
    /// Reads to the end of the next line that is this one.
    fn wait_for(&mut self, wanted: &str) {
        let line = format!("{wanted}\r\n");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text.find(&line) {
                self.text.drain(..at + line.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = wait::readable(&[self.master.as_fd()], Some(left)).unwrap();
            assert!(ready != 0, "no {wanted:?} in {:?}", self.text);
            let mut room = [0; 1024];
            let length = fd::read(self.master.as_fd(), &mut room).unwrap();
            self.text.push_str(&String::from_utf8_lossy(&room[..length]));
        }
    }
}
