//! Changing what a call refers to while it is being decided.
//!
//! A decision that reads memory or a descriptor twice, or that lets the call go on after reading,
//! loses these races sooner or later; one that acts on its own copy never does. The tries are
//! bounded in number and in time, because a race that is not lost proves nothing by running longer.

use super::network::{RawAddress, connect, expect_token, socket, tcp};
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, fd, int, output};
use crate::errno::Errno;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TRIES: u32 = 2000;
const TIME: Duration = Duration::from_millis(400);

/// An IPv4 address in memory (family, port and host are one word) that can be exchanged while the
/// kernel or a supervisor reads it.
struct Shared {
    words: [AtomicU64; 2],
}

impl Shared {
    fn new() -> Self {
        Self { words: [AtomicU64::new(0), AtomicU64::new(0)] }
    }

    fn store(&self, word: u64) {
        self.words[0].store(word, Ordering::Relaxed);
    }

    fn connect(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let place = std::ptr::from_ref(&self.words).expose_provenance();
        // SAFETY: sixteen bytes that live as long as `self`; that they change meanwhile is the point.
        unsafe { call(libc::SYS_connect, [fd(socket), place, 16, 0, 0, 0]) }.map(drop)
    }
}

fn word(address: SocketAddr) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(RawAddress::new(address).bytes().get(..8).unwrap_or(&[0; 8]));
    u64::from_ne_bytes(first)
}

/// The port of the peer, 0 without one.
fn peer_port(socket: BorrowedFd<'_>) -> u16 {
    let mut address = [0_u8; 28];
    let mut length: u32 = 28;
    let args = [fd(socket), output(&mut address), output(&mut length), 0, 0, 0];
    // SAFETY: room for an address and its length.
    match unsafe { call(libc::SYS_getpeername, args) } {
        Ok(_) => u16::from_be_bytes([address[2], address[3]]),
        Err(_) => 0,
    }
}

fn lost(tried: u32) -> Failure {
    Failure::effect("race-lost", format!("{tried} tries, none reached the hidden canary"))
}

/// Runs `body` while another thread repeats `disturb`.
fn disturbed(disturb: impl Fn() + Sync, body: impl FnOnce() -> Attempt) -> Attempt {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                disturb();
            }
        });
        let answer = body();
        done.store(true, Ordering::Relaxed);
        answer
    })
}

/// Exchanges the address in memory between the granted canary's and the hidden one's.
pub fn flip_address(params: &Params) -> Attempt {
    let hidden = params.address("tcp4")?;
    let granted = params.address("granted4")?;
    let token = params.text("token")?;
    let (bad, good) = (word(hidden), word(granted));
    let shared = Shared::new();
    shared.store(good);
    let disturb = || {
        shared.store(bad);
        shared.store(good);
    };
    disturbed(disturb, || {
        let until = Instant::now() + TIME;
        let mut connects = 0_u32;
        for tried in 1..=TRIES {
            let socket = tcp(granted).step("socket")?;
            if shared.connect(socket.as_fd()).is_ok() {
                connects += 1;
                // Waiting for the token keeps the canary's queue short, too.
                expect_token(socket.as_fd(), token)?;
                if peer_port(socket.as_fd()) == hidden.port() {
                    return Ok(format!("reached {hidden} after {tried} tries"));
                }
            }
            if Instant::now() > until {
                return Err(outcome(tried, connects));
            }
        }
        Err(outcome(TRIES, connects))
    })
}

/// A race in which even the granted address was never reached was not run.
fn outcome(tried: u32, connects: u32) -> Failure {
    if connects == 0 {
        Failure::not_applicable("the granted canary could not be reached either")
    } else {
        lost(tried)
    }
}

/// Exchanges the descriptor between a unix socket and a TCP socket, and the address with it. Bounded
/// in time only: without a boundary the race is lost after tens of thousands of tries.
pub fn swap_descriptor(params: &Params) -> Attempt {
    let hidden = params.address("tcp4")?;
    let token = params.text("token")?;
    // Family AF_UNIX and the name "c" in the working directory, where no such socket is.
    let path = u64::from_ne_bytes([1, 0, b'c', 0, 0, 0, 0, 0]);
    let bad = word(hidden);
    let target = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).step("socket")?;
    let unix = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).step("socket")?;
    let stream = tcp(hidden).step("socket")?;
    let shared = Shared::new();
    let disturb = || {
        let _ = replace(&stream, &target);
        shared.store(bad);
        let _ = replace(&unix, &target);
        shared.store(path);
    };
    disturbed(disturb, || {
        let until = Instant::now() + TIME;
        for tried in 1.. {
            let _ = shared.connect(target.as_fd());
            if peer_port(stream.as_fd()) == hidden.port() {
                expect_token(stream.as_fd(), token)?;
                return Ok(format!("reached {hidden} after {tried} tries"));
            }
            if Instant::now() > until {
                return Err(lost(tried));
            }
        }
        Err(lost(u32::MAX))
    })
}

/// Makes the number of `over` name what `with` names; both numbers stay open and owned.
fn replace(with: &OwnedFd, over: &OwnedFd) -> Result<usize, Errno> {
    let args = [fd(with.as_fd()), int(over.as_raw_fd()), int(libc::O_CLOEXEC), 0, 0, 0];
    // SAFETY: both numbers stay open and owned; only what `over` names changes.
    unsafe { call(libc::SYS_dup3, args) }
}

/// Connects one socket from two threads at once, to the granted canary and to the hidden one.
pub fn two_threads(params: &Params) -> Attempt {
    let hidden = params.address("tcp4")?;
    let granted = params.address("granted4")?;
    let token = params.text("token")?;
    let until = Instant::now() + TIME;
    let mut connects = 0_u32;
    for tried in 1..=TRIES {
        let stream = tcp(granted).step("socket")?;
        std::thread::scope(|scope| {
            scope.spawn(|| connect(stream.as_fd(), RawAddress::new(granted).bytes()));
            let _ = connect(stream.as_fd(), RawAddress::new(hidden).bytes());
        });
        let port = peer_port(stream.as_fd());
        if port != 0 {
            connects += 1;
            expect_token(stream.as_fd(), token)?;
        }
        if port == hidden.port() {
            return Ok(format!("reached {hidden} after {tried} tries"));
        }
        if Instant::now() > until {
            return Err(outcome(tried, connects));
        }
    }
    Err(outcome(TRIES, connects))
}
