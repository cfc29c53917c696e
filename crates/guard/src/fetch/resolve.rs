//! Names to addresses.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Most lookups that run at once: one that nobody waits for any more runs on until the system's
/// resolver gives up.
const MOST_LOOKUPS: usize = 64;

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// Resolves a name, once for each connection that may be made.
pub trait Resolve: Debug + Send + Sync {
    /// All addresses of a name, within this time. What comes back is judged, and may be refused.
    ///
    /// # Errors
    /// `TimedOut` when the time was not enough; else whatever went wrong.
    fn resolve(&self, host: &str, within: Duration) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver: `/etc/hosts`, DNS, whatever `nsswitch.conf` says.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn resolve(&self, host: &str, within: Duration) -> io::Result<Vec<IpAddr>> {
        let running = Running::begin()?;
        let (answer, wait) = mpsc::sync_channel(1);
        let host = host.to_owned();
        // getaddrinfo(3) has no deadline.
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let _running = running;
            let found = (host.as_str(), 0_u16).to_socket_addrs();
            // Nobody may wait any more.
            let _ = answer.send(found.map(|found| found.map(|address| address.ip()).collect()));
        })?;
        wait.recv_timeout(within).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Counts a lookup for as long as it runs.
#[derive(Debug)]
struct Running;

impl Running {
    fn begin() -> io::Result<Self> {
        if LOOKUPS.fetch_add(1, Ordering::Relaxed) >= MOST_LOOKUPS {
            LOOKUPS.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "too many lookups at once"));
        }
        Ok(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        LOOKUPS.fetch_sub(1, Ordering::Relaxed);
    }
}
