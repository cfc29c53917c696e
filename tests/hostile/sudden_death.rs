//! SIGKILL of any process around a service, at any moment: nothing is left, nothing runs unguarded.

use crate::leftovers;
use crate::peer::Peer;
use crate::stage::{Host, PATIENCE, Service, Stage, free_port};
use ringfence_sys::{peer, wait};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Kills on each kind of host.
const ROUNDS: usize = 100;
/// Rounds that go on at the same time.
const LANES: usize = 4;
/// A start takes a few tens of milliseconds: kills fall into it and into the time after it. Where it
/// takes longer, every other round first waits until its victim is there.
const LONGEST_LIFE: Duration = Duration::from_millis(150);
/// Limits that need control groups and that nothing here reaches.
const LIMITS: &str = "[limits]\npids = 500\nmemory = \"1GiB\"\n";
/// Who is killed, as deep below the supervisor.
const VICTIMS: [&str; 3] = ["supervisor", "broker", "init"];

#[test]
fn a_death_with_namespaces_leaves_nothing() {
    kill_at_random_moments(Host::Plain);
}

#[test]
fn a_death_without_namespaces_leaves_nothing() {
    kill_at_random_moments(Host::Container);
}

/// The control: what the other tests look for is really found while the service lives.
#[test]
fn a_living_service_is_found_by_its_mark() {
    for host in [Host::Plain, Host::Container] {
        let peer = Peer::start();
        let port = free_port();
        let Some(stage) = stage(host, &peer, port, "") else { continue };
        let mark = mark(&stage);
        let mut service = start(&stage, &peer, port);
        let named = host == Host::Plain;
        service.expect(&format!("ready true true {named}"));
        // Supervisor, broker, init, service and its three orphans.
        let found = leftovers::processes(&mark);
        assert!(found.len() >= 7, "{found:?}");
        assert!(TcpListener::bind(("127.0.0.1", port)).is_err(), "the service listens");
        let chain = leftovers::chain(service.pid());
        assert_eq!(chain.len(), 4, "{chain:?}");
        if named {
            assert!(leftovers::abstract_name(chain[3], &mark));
        }
        assert!(!leftovers::abstract_name(service.pid(), &mark), "the name is the service's own");
        service.signal(libc::SIGKILL);
        assert_eq!(service.wait().code, -1);
        leftovers::wait_for_none(&mark).unwrap();
    }
}

fn kill_at_random_moments(host: Host) {
    let next = AtomicUsize::new(0);
    let killed = [const { AtomicUsize::new(0) }; VICTIMS.len()];
    let limits = if gives_groups(host) { LIMITS } else { "" };
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let peer = Peer::start();
                let port = free_port();
                let Some(stage) = stage(host, &peer, port, limits) else { return };
                let mut supervisors = Vec::new();
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= ROUNDS {
                        break;
                    }
                    let (victim, supervisor) = kill_once(&stage, &peer, port, round);
                    killed[victim].fetch_add(1, Ordering::Relaxed);
                    supervisors.push(supervisor);
                }
                // A killed supervisor cannot remove its groups: the next start does.
                assert_eq!(stage.run(&["exit", "7"]).code, 7);
                for supervisor in supervisors {
                    let groups = leftovers::groups("hostile", supervisor);
                    assert!(groups.is_empty(), "{groups:?}");
                }
            });
        }
    });
    let killed = killed.map(AtomicUsize::into_inner);
    if killed.iter().sum::<usize>() > 0 {
        assert!(killed.iter().all(|times| *times >= ROUNDS / 10), "{VICTIMS:?}: {killed:?}");
    }
}

fn stage(host: Host, peer: &Peer, own: u16, limits: &str) -> Option<Stage> {
    let to = peer.port;
    let net = format!("[net]\nconnect = [\"127.0.0.1:{to}\"]\nlisten = [\"127.0.0.1:{own}\"]\n");
    Stage::new(host, &format!("{net}{limits}"))
}

/// Whether this host gives control groups, so that they can be left behind.
fn gives_groups(host: Host) -> bool {
    let Some(stage) = Stage::new(host, LIMITS) else { return false };
    let given = stage.run(&["exit", "7"]).code == 7;
    if !given {
        ringfence_tests::not_run("this host gives no control groups that could be left behind");
    }
    given
}

fn start(stage: &Stage, peer: &Peer, own: u16) -> Service {
    stage.start(&["load", &peer.port.to_string(), &own.to_string(), &mark(stage)])
}

/// In the command line of every process of a stage.
fn mark(stage: &Stage) -> String {
    let folder = stage.path("").to_string_lossy().into_owned();
    format!("mark-{}", folder.trim_matches('/').replace('/', "-"))
}

/// One start and one death. Answers who died, and which supervisor it was.
fn kill_once(stage: &Stage, peer: &Peer, own: u16, round: usize) -> (usize, i32) {
    let mark = mark(stage);
    let service = start(stage, peer, own);
    let wanted = round % VICTIMS.len();
    let waits = (round / VICTIMS.len()).is_multiple_of(2);
    if waits {
        wait_until_there(&service, wanted);
    }
    let mut random = Random::new(round);
    let life = LONGEST_LIFE.mul_f64(random.fraction());
    // Not to wait for anything: to die at any moment of a life.
    let _ = wait::readable(&[service.pidfd()], Some(life));
    let victim = kill(&service, wanted, waits);
    let supervisor = service.pid();
    let ended = service.wait();
    if victim == 0 {
        assert_eq!(ended.code, -1, "{ended:?}");
    } else {
        assert_eq!(ended.code, 125, "{} was killed: {ended:?}", VICTIMS[victim]);
        assert_eq!(ended.events("error").len(), 1, "{ended:?}");
    }
    let who = VICTIMS[victim];
    leftovers::wait_for_none(&mark).unwrap_or_else(|left| panic!("{who}: {left}"));
    assert!(TcpListener::bind(("127.0.0.1", own)).is_ok(), "{who}: a listener is left");
    assert_eq!(leftovers::mounts(&stage.path("")), [""; 0], "{who}: a mount is left");
    assert!(!leftovers::abstract_name(std::process::id().cast_signed(), &mark), "{who}");
    let groups = leftovers::groups("hostile", supervisor);
    assert!(victim == 0 || groups.is_empty(), "{who}: {groups:?}");
    assert_eq!(leftovers::members(&groups), "", "{who}: somebody is left in a group");
    let _ = std::fs::remove_file(stage.path("events"));
    (victim, supervisor)
}

/// Waits until there is a process this deep below the supervisor.
fn wait_until_there(service: &Service, deep: usize) {
    let deadline = Instant::now() + PATIENCE;
    while leftovers::chain(service.pid()).len() <= deep {
        assert!(Instant::now() < deadline, "it does not start: {}", service.stderr());
        thread::yield_now();
    }
}

/// Kills the process this deep below the supervisor, or the deepest there is unless none but the
/// wanted one will do. Answers how deep.
fn kill(service: &Service, wanted: usize, no_other: bool) -> usize {
    loop {
        if no_other {
            wait_until_there(service, wanted);
        }
        let chain = leftovers::chain(service.pid());
        if no_other && chain.len() <= wanted {
            continue;
        }
        let victim = wanted.min(chain.len() - 1);
        let Ok(handle) = peer::pidfd_open(chain[victim]) else { continue };
        // Else the number may have become another process's before the handle was made.
        let sure = victim == 0 || leftovers::parent(chain[victim]) == Some(chain[victim - 1]);
        if !sure || wait::send_signal(handle.as_fd(), libc::SIGKILL).is_err() {
            continue;
        }
        if victim != 1 || has_ended_without(service, chain[1]) {
            return victim;
        }
    }
}

/// Whether the run ends with this broker. The first of two has nothing to do any more where it was
/// refused namespaces: the second one is what keeps the service then.
fn has_ended_without(service: &Service, broker: i32) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if wait::readable(&[service.pidfd()], Some(Duration::from_millis(1))).unwrap() != 0 {
            return true;
        }
        if leftovers::children(service.pid()).first().is_some_and(|other| *other != broker) {
            return false;
        }
    }
    panic!("the broker was killed and nothing happened: {}", service.stderr());
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// From 0 to 1 (splitmix64).
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let small = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        f64::from(small) / f64::from(u32::MAX)
    }
}
