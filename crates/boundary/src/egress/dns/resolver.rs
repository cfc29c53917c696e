//! What becomes of a question: answered from what is known, refused, or looked up.

use super::budget::{Bounds, Budget, Exceeded};
use super::cache::{Cache, Known, LONGEST_TTL};
use super::clients::{Client, Clients};
use super::hosts::Hosts;
use super::lookup::{Found, Lookup, Surroundings};
use super::message::{CLASS_IN, Query, Rcode, Rejected, kind, parse_query};
use super::pending::{Pending, Waiter, Waiting};
use super::resolv_conf::ResolvConf;
use super::search::{Target, targets};
use super::told::{Told, limit, localhost, not_answered};
use crate::egress::journal::Journal;
use crate::egress::shared::Shared;
use ringfence_policy::event::Action;
use ringfence_policy::net::{HostName, Refusal};
use ringfence_sys::epoll::Epoll;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// What becomes of a question.
enum Decision {
    Tell(Told),
    LookUp(HostName, Vec<Target>),
}

/// The resolver.
#[derive(Debug)]
pub(super) struct Resolver {
    shared: Arc<Shared>,
    conf: ResolvConf,
    hosts: Hosts,
    bounds: Bounds,
    budget: Budget,
    cache: Cache,
    journal: Journal,
    pending: Waiting,
    /// Which nameserver the next lookup starts with.
    rotation: usize,
    /// Makes the token of a lookup from its index.
    token: fn(usize) -> u64,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    reply: Vec<u8>,
}

impl Resolver {
    /// `hosts_file` is the text of the host's `/etc/hosts`.
    pub(super) fn new(
        shared: Arc<Shared>,
        (conf, hosts_file): (ResolvConf, &str),
        bounds: Bounds,
        token: fn(usize) -> u64,
        now: Instant,
    ) -> Self {
        let network = &shared.network();
        let hosts = Hosts::new(network, hosts_file, |name| network.may_resolve(name));
        Self {
            hosts,
            conf,
            budget: Budget::new(bounds, now),
            cache: Cache::new(bounds.cached),
            journal: Journal::new(Arc::clone(&shared), now),
            shared,
            bounds,
            pending: Waiting::new(bounds.lookups),
            rotation: 0,
            token,
            buffer: vec![0; 4096],
            scratch: Vec::new(),
            reply: Vec::new(),
        }
    }

    /// A message of a client: answered now, later, or not at all.
    pub(super) fn ask(
        &mut self,
        epoll: &Epoll,
        message: &[u8],
        client: Client,
        clients: &mut Clients,
        now: Instant,
    ) {
        let query = match parse_query(message) {
            Ok(query) => query,
            Err(Rejected::Silently) => return,
            Err(Rejected::With(id, rcode)) => {
                let waiter = Waiter { client, echo: (id, false), question: Vec::new() };
                return self.tell(&waiter, &Told::Nothing(rcode), clients, epoll);
            }
        };
        let question = message.get(query.question.clone()).unwrap_or_default().to_vec();
        let echo = (query.id, query.recursion_desired);
        let waiter = Waiter { client, echo, question };
        match self.decide(&query, now) {
            Decision::Tell(told) => self.tell(&waiter, &told, clients, epoll),
            Decision::LookUp(name, targets) => {
                self.look_up((name, query.kind), targets, waiter, clients, epoll, now);
            }
        }
    }

    fn decide(&mut self, query: &Query, now: Instant) -> Decision {
        let nothing = |rcode| Decision::Tell(Told::Nothing(rcode));
        if query.class != CLASS_IN {
            return nothing(Rcode::REFUSED);
        }
        if query.kind == kind::PTR {
            return Decision::Tell(self.pointer(query));
        }
        let Some(name) = query.name.to_host() else {
            let reason = "the name is not a host name".to_owned();
            self.deny(&query.name.shown(), Refusal { reason, missing_grant: None }, now);
            return nothing(Rcode::NXDOMAIN);
        };
        if name.is_localhost() {
            return Decision::Tell(localhost(query.kind));
        }
        let targets = targets(&self.shared.network(), &self.conf, &name);
        if targets.is_empty() {
            let refusal = self.shared.network().unnamed(&name);
            self.deny(name.as_str(), refusal, now);
            return nothing(Rcode::NXDOMAIN);
        }
        match query.kind {
            kind::A | kind::AAAA => {}
            // Clients that ask for service bindings go on without them.
            kind::HTTPS | kind::SVCB => return nothing(Rcode::NOERROR),
            other => {
                self.deny(name.as_str(), not_answered(other), now);
                return nothing(Rcode::REFUSED);
            }
        }
        self.addresses(name, targets, query.kind, now)
    }

    fn addresses(
        &mut self,
        name: HostName,
        targets: Vec<Target>,
        kind: u16,
        now: Instant,
    ) -> Decision {
        if let Some((known, ttl)) = self.cache.find(&name, kind, now) {
            let known = known.clone();
            return Decision::Tell(self.told(&known, ttl, now));
        }
        let in_hosts = targets.iter().find_map(|target| {
            Some((target.granted.clone(), self.hosts.find(&target.granted)?.to_vec()))
        });
        if let Some((granted, mut addresses)) = in_hosts {
            addresses.retain(|address| address.is_ipv6() == (kind == kind::AAAA));
            let known = if addresses.is_empty() {
                Known::NoData
            } else {
                self.accepted(granted, &addresses, now)
            };
            return Decision::Tell(self.told(&known, LONGEST_TTL, now));
        }
        if self.pending.find(&name, kind).is_some() {
            return Decision::LookUp(name, targets);
        }
        let Some(first) = targets.first() else {
            return Decision::Tell(Told::Nothing(Rcode::NXDOMAIN));
        };
        if let Err(exceeded) = self.budget.take(&self.shared.network(), &first.granted, now) {
            return Decision::Tell(Told::Nothing(self.limit(&name, exceeded, now)));
        }
        Decision::LookUp(name, targets)
    }

    /// The name that an address was given out for.
    fn pointer(&mut self, query: &Query) -> Told {
        let Some(address) = query.name.reverse_address() else {
            return Told::Nothing(Rcode::NXDOMAIN);
        };
        if address.is_loopback() {
            let name = HostName::parse("localhost").map(Told::Pointer);
            return name.unwrap_or(Told::Nothing(Rcode::NXDOMAIN));
        }
        let Ok(mut names) = self.shared.names.lock() else { return Told::Nothing(Rcode::SERVFAIL) };
        let found = match names.lookup(address) {
            Some((name, _)) => Some(name),
            None => names.names_of(address).into_iter().next(),
        };
        found.map_or(Told::Nothing(Rcode::NXDOMAIN), Told::Pointer)
    }

    /// The addresses the policy accepts; when it accepts none, the name does not exist.
    fn accepted(&mut self, granted: HostName, addresses: &[IpAddr], now: Instant) -> Known {
        let shared = Arc::clone(&self.shared);
        let mut refused = None;
        let mut accepted = Vec::with_capacity(addresses.len());
        for address in addresses {
            match shared.network().accept_answer(&granted, *address, &shared.host) {
                Ok(()) => accepted.push(*address),
                Err(refusal) => refused = Some(refusal),
            }
        }
        if let Some(refusal) = refused {
            self.deny(granted.as_str(), refusal, now);
        }
        if accepted.is_empty() { Known::NoName } else { Known::Addresses(granted, accepted) }
    }

    /// What the service is told of what is known.
    fn told(&mut self, known: &Known, ttl: u32, now: Instant) -> Told {
        let (name, real) = match known {
            Known::NoData => return Told::Nothing(Rcode::NOERROR),
            Known::NoName => return Told::Nothing(Rcode::NXDOMAIN),
            Known::Addresses(name, real) => (name, real),
        };
        let Ok(mut names) = self.shared.names.lock() else { return Told::Nothing(Rcode::SERVFAIL) };
        let given = real.iter().filter_map(|address| names.answer(name, *address, now).ok());
        let given: Vec<IpAddr> = given.collect();
        drop(names);
        if given.is_empty() {
            let reason = "all synthetic addresses were used within the last hour".to_owned();
            self.deny(name.as_str(), Refusal { reason, missing_grant: None }, now);
            return Told::Nothing(Rcode::SERVFAIL);
        }
        Told::Addresses(given, ttl.min(LONGEST_TTL))
    }

    /// Joins the lookup that is under way, or starts one.
    fn look_up(
        &mut self,
        (name, kind): (HostName, u16),
        targets: Vec<Target>,
        waiter: Waiter,
        clients: &mut Clients,
        epoll: &Epoll,
        now: Instant,
    ) {
        if let Some(pending) = self.pending.find(&name, kind) {
            if !pending.join(waiter.clone(), self.bounds.waiters) {
                self.tell(&waiter, &Told::Nothing(Rcode::SERVFAIL), clients, epoll);
            }
            return;
        }
        let Some(index) = self.pending.free_index() else {
            let rcode = self.limit(&name, Exceeded::Lookups, now);
            return self.tell(&waiter, &Told::Nothing(rcode), clients, epoll);
        };
        if self.conf.rotate {
            self.rotation = self.rotation.wrapping_add(1);
        }
        let times = (now, now + self.bounds.deadline);
        let token = (self.token)(index);
        let mut lookup = Lookup::new((name, kind), targets, token, self.rotation, times);
        let found = lookup.start(&mut Surroundings {
            epoll,
            conf: &self.conf,
            now,
            buffer: &mut self.buffer,
            scratch: &mut self.scratch,
        });
        self.pending.put(index, Pending { lookup, waiters: vec![waiter] });
        if let Some(found) = found {
            self.finish(index, found, clients, epoll, now);
        }
    }

    /// The socket of a lookup is ready.
    pub(super) fn ready(
        &mut self,
        index: usize,
        epoll: &Epoll,
        clients: &mut Clients,
        now: Instant,
    ) {
        self.step(index, epoll, clients, now, Lookup::ready);
    }

    /// When [`Self::expire`] must be called.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.pending.wakes()
    }

    /// Goes on with every lookup whose nameserver was silent for too long.
    pub(super) fn expire(&mut self, epoll: &Epoll, clients: &mut Clients, now: Instant) {
        while let Some(index) = self.pending.due(now) {
            self.step(index, epoll, clients, now, Lookup::expired);
        }
    }

    /// Gives up what was found and is being looked up under a wider boundary.
    pub(super) fn forget(&mut self, clients: &mut Clients, epoll: &Epoll) {
        self.cache.clear();
        for waiter in self.pending.take_all().into_iter().flat_map(|pending| pending.waiters) {
            self.tell(&waiter, &Told::Nothing(Rcode::SERVFAIL), clients, epoll);
        }
    }

    fn step(
        &mut self,
        index: usize,
        epoll: &Epoll,
        clients: &mut Clients,
        now: Instant,
        step: fn(&mut Lookup, &mut Surroundings<'_>) -> Option<Found>,
    ) {
        let Some(pending) = self.pending.at(index) else { return };
        let found = step(
            &mut pending.lookup,
            &mut Surroundings {
                epoll,
                conf: &self.conf,
                now,
                buffer: &mut self.buffer,
                scratch: &mut self.scratch,
            },
        );
        if let Some(found) = found {
            self.finish(index, found, clients, epoll, now);
        }
    }

    fn finish(
        &mut self,
        index: usize,
        found: Found,
        clients: &mut Clients,
        epoll: &Epoll,
        now: Instant,
    ) {
        let Some(Pending { lookup, waiters }) = self.pending.take(index) else { return };
        let known = match found {
            Found::Addresses(granted, addresses, ttl) => {
                Some((self.accepted(granted, &addresses, now), ttl))
            }
            Found::NoData => Some((Known::NoData, 0)),
            Found::NoName => Some((Known::NoName, 0)),
            Found::Nothing => None,
        };
        if let Some((Known::Addresses(name, addresses), _)) = &known {
            self.journal.answered(name.as_str(), addresses, now);
        }
        let told = match &known {
            Some((known, ttl)) => self.told(known, *ttl, now),
            None => Told::Nothing(Rcode::SERVFAIL),
        };
        for waiter in &waiters {
            self.tell(waiter, &told, clients, epoll);
        }
        if let Some((known, ttl)) = known {
            self.cache.keep(lookup.asked, lookup.kind, known, ttl, now);
        }
    }

    fn tell(&mut self, waiter: &Waiter, told: &Told, clients: &mut Clients, epoll: &Epoll) {
        let limit = waiter.client.longest_reply();
        told.write(&mut self.reply, limit, waiter.echo, &waiter.question);
        clients.send(waiter.client, &self.reply, epoll);
    }

    /// Tells that a bound is reached and answers the code for it.
    fn limit(&mut self, name: &HostName, exceeded: Exceeded, now: Instant) -> Rcode {
        let (refusal, rcode) = limit(exceeded, &self.bounds);
        self.journal.limited(Action::Resolve, name.as_str(), refusal, now);
        rcode
    }

    fn deny(&mut self, name: &str, refusal: Refusal, now: Instant) {
        self.journal.denied(Action::Resolve, name, refusal, now);
    }
}
