//! The broker's second thread: names and datagrams.
//!
//! One poller over the resolver's clients and lookups and the relay's sockets. Every socket of it is
//! non-blocking, every table bounded, every buffer made once; the only thing it waits for is the
//! poller itself (and, when an outside peer is new, the init process that makes sockets inside).

use super::dns::{Bounds, ResolvConf, Stub};
use super::relay::{Inbound, Outbound};
use super::shared::Shared;
use super::token::{self, Source};
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::{Errno, fd};
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use super::relay::{InsideSockets, RelayBounds, RelayError, check};

/// How often idle flows are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// Longest datagram.
const LONGEST: usize = 65_535;

/// How names are looked up on the host, read before the broker gives up the file system.
#[derive(Debug, Clone, Default)]
pub struct Resolution {
    /// Text of `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// Text of `/etc/hosts`.
    pub hosts: String,
    /// Bounds of the resolver.
    pub bounds: Bounds,
    /// Bounds of the relay.
    pub relay: RelayBounds,
}

impl Resolution {
    /// The host's own files; one that cannot be read is empty.
    #[must_use]
    pub fn of_host() -> Self {
        let read = |path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Self { resolv_conf: read("/etc/resolv.conf"), hosts: read("/etc/hosts"), ..Self::default() }
    }
}

/// Why the loop cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NetLoopError {
    /// The relay cannot keep a grant.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A call failed.
    #[error("cannot wait for sockets")]
    System(#[source] Errno),
}

impl From<Errno> for NetLoopError {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl From<NetLoopError> for Errno {
    fn from(error: NetLoopError) -> Self {
        match error {
            NetLoopError::Relay(relay) => relay.into(),
            NetLoopError::System(errno) => errno,
        }
    }
}

/// Wakes the loop from another thread.
#[derive(Debug, Clone)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// The boundary was narrowed, or the loop shall stop.
    pub fn ring(&self) {
        // A bell that cannot take one more ring is rung already.
        let _ = fd::write(self.0.as_fd(), &1_u64.to_ne_bytes());
    }
}

/// The loop.
pub struct NetLoop {
    shared: Arc<Shared>,
    generation: u64,
    epoll: Epoll,
    bell: Bell,
    sockets: Box<dyn InsideSockets>,
    stub: Stub,
    outbound: Outbound,
    inbound: Inbound,
    swept: Instant,
    buffer: Vec<u8>,
}

impl fmt::Debug for NetLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetLoop").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl NetLoop {
    /// `datagrams` is bound to 127.0.0.1:53 of the service's network, `streams` bound and listening
    /// there; `sockets` makes further ones. Must be called in the host's network, before the
    /// service runs.
    ///
    /// # Errors
    /// A grant that cannot be relayed, an address that is taken, or a call that failed.
    pub fn new(
        resolution: Resolution,
        shared: Arc<Shared>,
        datagrams: OwnedFd,
        streams: OwnedFd,
        sockets: Box<dyn InsideSockets>,
    ) -> Result<Self, NetLoopError> {
        check(&shared.network(), &resolution.relay)?;
        let now = Instant::now();
        let epoll = Epoll::new()?;
        let bell = Bell(Arc::new(fd::eventfd(0, libc::EFD_NONBLOCK)?));
        epoll.add(bell.0.as_fd(), token::of(Source::Bell, 0), true, false)?;
        let Resolution { resolv_conf, hosts, bounds, relay } = resolution;
        let files = (ResolvConf::parse(&resolv_conf), hosts.as_str());
        let inside = (datagrams, streams);
        let stub = Stub::new(Arc::clone(&shared), files, inside, bounds, &epoll, now)?;
        let inbound = Inbound::new(Arc::clone(&shared), relay, &epoll, now)?;
        let state = Arc::clone(&shared);
        let resolver = stub.datagrams();
        let outbound = Outbound::new(state, sockets.as_ref(), resolver, relay, &epoll, now)?;
        let generation = shared.generation();
        let buffer = vec![0; LONGEST];
        Ok(Self {
            shared,
            generation,
            epoll,
            bell,
            sockets,
            stub,
            outbound,
            inbound,
            swept: now,
            buffer,
        })
    }

    /// Wakes this loop from another thread.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The poller failed.
    pub fn run(&mut self) -> Result<(), Errno> {
        self.run_while(|| true)
    }

    /// Serves as long as `wanted` says so, which is asked whenever something happens.
    ///
    /// # Errors
    /// The poller failed.
    pub fn run_while(&mut self, wanted: impl Fn() -> bool) -> Result<(), Errno> {
        let mut room = [Ready::NONE; 64];
        while wanted() {
            let pause = self.wakes().map(|at| at.saturating_duration_since(Instant::now()));
            let ready = self.epoll.wait(&mut room, pause)?;
            let now = Instant::now();
            for one in ready {
                self.check_generation();
                self.handle(*one, now);
            }
            self.check_generation();
            self.tick(now);
        }
        Ok(())
    }

    fn handle(&mut self, ready: Ready, now: Instant) {
        let Some((source, index)) = token::read(ready.token) else { return };
        let (epoll, buffer) = (&self.epoll, &mut self.buffer);
        match source {
            Source::Bell => drop(fd::read(self.bell.0.as_fd(), &mut [0; 8])),
            Source::DnsDatagrams => self.stub.datagrams_ready(epoll, now),
            Source::DnsListener => self.stub.listener_ready(epoll, now),
            Source::DnsStream => self.stub.stream_ready(index, ready, epoll, now),
            Source::Lookup => self.stub.lookup_ready(index, epoll, now),
            Source::RelayInside => self.outbound.inside_ready(index, buffer, epoll, now),
            Source::RelayOutside => self.outbound.outside_ready(index, buffer, now),
            Source::ListenOutside => {
                self.inbound.outside_ready(index, buffer, self.sockets.as_ref(), epoll, now);
            }
            Source::ListenInside => self.inbound.inside_ready(index, buffer, now),
        }
    }

    /// Nothing that was decided under a wider boundary goes on.
    fn check_generation(&mut self) {
        let generation = self.shared.generation();
        if generation != self.generation {
            self.generation = generation;
            self.stub.forget(&self.epoll);
            let flows = self.outbound.forget(generation);
            let (more, listeners) = self.inbound.forget(generation, &self.epoll);
            self.shared.apply(generation, flows + more, listeners);
        }
    }

    fn wakes(&self) -> Option<Instant> {
        let flows = self.outbound.has_flows() || self.inbound.has_flows();
        let sweep = flows.then_some(self.swept + SWEEP);
        self.stub.wakes().into_iter().chain(sweep).min()
    }

    fn tick(&mut self, now: Instant) {
        self.stub.tick(&self.epoll, now);
        if now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.outbound.sweep(now);
            self.inbound.sweep(now);
        }
    }
}
