//! Ports of loopback for services that are told theirs before they listen.
//!
//! A port that the kernel gave and that was closed again may be the next connection's own end, of this
//! process or of any other. These lie below the ephemeral range of every usual kernel setting, and two
//! test processes of one machine begin at different ones.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// The first port of all, and how many a process has before the next process's begin.
const FIRST: u16 = 22_000;
const LANE: u16 = 100;
/// Lanes below 32768, where Linux begins to give ports by itself.
const LANES: u32 = 107;

/// A port that is free on 127.0.0.1 for TCP and UDP, never given twice by this process.
#[must_use]
pub fn free() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let lane = u16::try_from(std::process::id() % LANES).unwrap_or_default();
    loop {
        let port = FIRST + lane * LANE + TAKEN.fetch_add(1, Ordering::Relaxed);
        let place = ("127.0.0.1", port);
        if TcpListener::bind(place).is_ok() && UdpSocket::bind(place).is_ok() {
            return port;
        }
    }
}
