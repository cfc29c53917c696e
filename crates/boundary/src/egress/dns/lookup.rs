//! One lookup under way: through the candidates of the search list, and for each through the
//! nameservers, until one says something final.
//!
//! `SERVFAIL` and `REFUSED` lead to the next nameserver at once, silence after the timeout. A name
//! that exists without an address of the type asked ends the search: going on would answer one
//! family for one name and the other for another.

use super::answer::Answer;
use super::message::{Rcode, WireName};
use super::resolv_conf::ResolvConf;
use super::search::Target;
use super::upstream::{Exchange, Progress, Question};
use ringfence_policy::net::HostName;
use ringfence_sys::Errno;
use ringfence_sys::epoll::Epoll;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Instant;

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Addresses as the nameserver gave them, the granted name they belong to, and how long they live.
    Addresses(HostName, Vec<IpAddr>, u32),
    /// The name exists without such an address.
    NoData,
    /// No nameserver said anything final in time.
    Nothing,
    /// The name does not exist.
    NoName,
}

/// What a lookup needs from outside.
pub(super) struct Surroundings<'a> {
    pub(super) epoll: &'a Epoll,
    pub(super) conf: &'a ResolvConf,
    pub(super) now: Instant,
    /// Room for one message.
    pub(super) buffer: &'a mut [u8],
    pub(super) scratch: &'a mut Vec<u8>,
}

/// A lookup under way.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The name as the service asked.
    pub(super) asked: HostName,
    /// Record type.
    pub(super) kind: u16,
    /// What the poller says when the exchange is ready.
    token: u64,
    targets: Vec<Target>,
    /// Index of the candidate being asked.
    target: usize,
    /// Tries of this candidate so far.
    tries: u32,
    /// Which nameserver is tried first.
    first_server: usize,
    exchange: Option<Exchange>,
    /// When the present nameserver is given up.
    patience: Instant,
    /// When the lookup is given up.
    deadline: Instant,
    /// A nameserver failed for some candidate, so that "no such name" would be a guess.
    failed: bool,
}

impl Lookup {
    pub(super) fn new(
        (asked, kind): (HostName, u16),
        targets: Vec<Target>,
        token: u64,
        first_server: usize,
        (now, deadline): (Instant, Instant),
    ) -> Self {
        Self {
            asked,
            kind,
            token,
            targets,
            target: 0,
            tries: 0,
            first_server,
            exchange: None,
            patience: now,
            deadline,
            failed: false,
        }
    }

    /// When [`Self::expired`] must be called.
    pub(super) fn wakes(&self) -> Instant {
        self.patience.min(self.deadline)
    }

    /// Sends the first query.
    pub(super) fn start(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        self.ask(with)
    }

    /// The exchange is ready.
    pub(super) fn ready(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        let exchange = self.exchange.as_mut()?;
        let wrote = exchange.wants_to_write();
        match exchange.advance(with.buffer) {
            Progress::Waiting => {
                if wrote && !exchange.wants_to_write() {
                    let _ = with.epoll.change(exchange.as_fd(), self.token, true, false);
                }
                None
            }
            Progress::Broken => self.next_try(with),
            Progress::Answered(answer) => self.answered(answer, with),
        }
    }

    /// The time of [`Self::wakes`] has come.
    pub(super) fn expired(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        if with.now >= self.deadline {
            return Some(Found::Nothing);
        }
        self.next_try(with)
    }

    fn answered(&mut self, answer: Answer, with: &mut Surroundings<'_>) -> Option<Found> {
        match answer.rcode {
            Rcode::NOERROR if answer.truncated => {
                if self.exchange.as_ref().is_some_and(Exchange::is_stream) {
                    return self.next_try(with);
                }
                if self.open(with, Exchange::stream) { None } else { self.next_try(with) }
            }
            Rcode::NOERROR if answer.addresses.is_empty() => Some(Found::NoData),
            Rcode::NOERROR => {
                let granted = self.targets.get(self.target)?.granted.clone();
                Some(Found::Addresses(granted, answer.addresses, answer.ttl))
            }
            Rcode::NXDOMAIN => self.next_candidate(with),
            _ => {
                self.failed = true;
                self.next_try(with)
            }
        }
    }

    fn next_candidate(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        self.target += 1;
        self.tries = 0;
        self.ask(with)
    }

    fn next_try(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        self.tries += 1;
        self.ask(with)
    }

    /// Sends the present query, going on to the next nameserver or candidate where that fails.
    fn ask(&mut self, with: &mut Surroundings<'_>) -> Option<Found> {
        loop {
            if self.target >= self.targets.len() {
                return Some(if self.failed { Found::Nothing } else { Found::NoName });
            }
            let servers = u32::try_from(with.conf.servers.len()).unwrap_or(1);
            if self.tries >= servers * with.conf.attempts {
                // Silence for one name is silence for all; a refusal may be about this one only.
                if !self.failed {
                    return Some(Found::Nothing);
                }
                self.target += 1;
                self.tries = 0;
                continue;
            }
            if self.open(with, Exchange::datagram) {
                return None;
            }
            self.tries += 1;
        }
    }

    /// Opens an exchange with the present nameserver; the old one leaves the poller with its socket.
    fn open(&mut self, with: &mut Surroundings<'_>, how: Open) -> bool {
        self.exchange = self.try_open(with, how);
        self.patience = with.now + with.conf.timeout;
        self.exchange.is_some()
    }

    fn try_open(&self, with: &mut Surroundings<'_>, how: Open) -> Option<Exchange> {
        let asked = &self.targets.get(self.target)?.asked;
        let question = Question { name: WireName::of(asked), kind: self.kind };
        let servers = &with.conf.servers;
        let index = self.first_server + usize::try_from(self.tries).unwrap_or_default();
        let server = *servers.get(index % servers.len().max(1))?;
        let exchange = how(server, &question, with.scratch).ok()?;
        let write = exchange.wants_to_write();
        with.epoll.add(exchange.as_fd(), self.token, true, write).ok()?;
        Some(exchange)
    }
}

/// How an exchange is opened.
type Open = fn(SocketAddr, &Question, &mut Vec<u8>) -> Result<Exchange, Errno>;
