//! The resolver and its clients, as the network loop sees them.

use super::budget::Bounds;
use super::clients::Clients;
use super::message::LONGEST_QUERY;
use super::resolv_conf::ResolvConf;
use super::resolver::Resolver;
use crate::egress::shared::Shared;
use crate::egress::token::{self, Source};
use ringfence_sys::Errno;
use ringfence_sys::epoll::{Epoll, Ready};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most questions taken from one client socket before the others have their turn.
const TURN: usize = 64;
/// How often idle streams are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// The resolver of one boundary.
#[derive(Debug)]
pub(in crate::egress) struct Stub {
    resolver: Resolver,
    clients: Clients,
    buffer: Vec<u8>,
    question: Vec<u8>,
    swept: Instant,
}

impl Stub {
    /// `datagrams` is bound to port 53 of the inside, `listener` bound and listening there.
    pub(in crate::egress) fn new(
        shared: Arc<Shared>,
        (conf, hosts_file): (ResolvConf, &str),
        (datagrams, listener): (OwnedFd, OwnedFd),
        bounds: Bounds,
        epoll: &Epoll,
        now: Instant,
    ) -> Result<Self, Errno> {
        let lookup = |index| token::of(Source::Lookup, index);
        let stream = |index| token::of(Source::DnsStream, index);
        let clients = Clients::new(datagrams, listener, bounds.connections, stream)?;
        let resolver = Resolver::new(shared, (conf, hosts_file), bounds, lookup, now);
        epoll.add(clients.datagrams().as_fd(), token::of(Source::DnsDatagrams, 0), true, false)?;
        listen(&clients, epoll)?;
        let buffer = vec![0; LONGEST_QUERY + 2];
        Ok(Self { resolver, clients, buffer, question: Vec::new(), swept: now })
    }

    /// The socket that takes questions by datagram.
    pub(in crate::egress) fn datagrams(&self) -> BorrowedFd<'_> {
        self.clients.datagrams().as_fd()
    }

    /// Questions by datagram have come.
    pub(in crate::egress) fn datagrams_ready(&mut self, epoll: &Epoll, now: Instant) {
        for _ in 0..TURN {
            let Some((client, message)) = self.clients.receive(&mut self.buffer) else { return };
            self.resolver.ask(epoll, message, client, &mut self.clients, now);
        }
    }

    /// Streams want in.
    pub(in crate::egress) fn listener_ready(&mut self, epoll: &Epoll, now: Instant) {
        for _ in 0..TURN {
            if !self.clients.accept(epoll, now) {
                return;
            }
        }
    }

    /// A stream has a question or takes answers.
    pub(in crate::egress) fn stream_ready(
        &mut self,
        index: usize,
        ready: Ready,
        epoll: &Epoll,
        now: Instant,
    ) {
        if ready.writable {
            self.clients.flush(index, epoll);
        }
        if ready.readable {
            self.clients.read(index, &mut self.buffer, now);
            while let Some(client) = self.clients.next(index, &mut self.question) {
                self.resolver.ask(epoll, &self.question, client, &mut self.clients, now);
            }
        }
    }

    /// A nameserver has answered.
    pub(in crate::egress) fn lookup_ready(&mut self, index: usize, epoll: &Epoll, now: Instant) {
        self.resolver.ready(index, epoll, &mut self.clients, now);
    }

    /// When [`Self::tick`] must be called.
    pub(in crate::egress) fn wakes(&self) -> Option<Instant> {
        let sweep = self.clients.needs_sweep().then_some(self.swept + SWEEP);
        self.resolver.wakes().into_iter().chain(sweep).min()
    }

    /// Goes on with what has waited for too long.
    pub(in crate::egress) fn tick(&mut self, epoll: &Epoll, now: Instant) {
        self.resolver.expire(epoll, &mut self.clients, now);
        if now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            if self.clients.sweep(now) {
                let _ = listen(&self.clients, epoll);
            }
        }
    }

    /// The boundary was narrowed.
    pub(in crate::egress) fn forget(&mut self, epoll: &Epoll) {
        self.resolver.forget(&mut self.clients, epoll);
    }
}

fn listen(clients: &Clients, epoll: &Epoll) -> Result<(), Errno> {
    epoll.add(clients.listener().as_fd(), token::of(Source::DnsListener, 0), true, false)
}
