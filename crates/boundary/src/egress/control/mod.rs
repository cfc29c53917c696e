//! The broker's thread for the control channel.
//!
//! One poller over the channels of the service's processes. Requests of one channel are answered in
//! their order; a channel whose process does not read its answers is closed, and nothing is ever
//! waited for that the service could keep from happening. Questions are answered from the grants
//! that are in force, by the code that decides about connections.

mod door;
mod report;

pub(crate) use door::Door;

use super::place::{Place, place};
use super::shared::Shared;
use crate::control::facts::{Facts, Taken};
use crate::control::message::{self, Failure, LONGEST, Op, Request};
use crate::control::truth::{Led, Truth};
use report::Reports;
use ringfence_policy::net::{Refusal, Transport};
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::{Errno, fd, packet, walk};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The token of the bell; channels follow.
const BELL: u64 = 0;
/// Most requests of one channel before the others have their turn.
const TURN: usize = 16;

/// What is answered: fields besides `ok`, or why not.
type Answered = Result<Map<String, Value>, Failure>;

/// The thread.
pub(crate) struct Control {
    door: Door,
    shared: Arc<Shared>,
    facts: Facts,
    taken: Taken,
    root: Option<OwnedFd>,
    epoll: Epoll,
    channels: HashMap<u64, Channel>,
    next: u64,
    reports: Reports,
}

/// One process of the service.
#[derive(Debug)]
struct Channel {
    socket: OwnedFd,
    pid: i32,
}

impl Control {
    /// A thread's state; must be made before the broker's filter.
    pub(crate) fn new(door: Door, shared: Arc<Shared>, facts: Facts) -> Result<Self, Errno> {
        let epoll = Epoll::new()?;
        epoll.add(door.bell.as_fd(), BELL, true, false)?;
        let reports = Reports::new(Arc::clone(&shared));
        Ok(Self {
            door,
            shared,
            facts,
            taken: Taken::default(),
            root: None,
            epoll,
            channels: HashMap::new(),
            next: BELL + 1,
            reports,
        })
    }

    /// Answers for ever.
    pub(crate) fn run(&mut self) -> Result<(), Errno> {
        let mut room = [Ready::NONE; 64];
        loop {
            let ready = self.epoll.wait(&mut room, None)?;
            for one in ready {
                match one.token {
                    BELL => self.take_over(),
                    token => self.hear(token),
                }
            }
        }
    }

    fn take_over(&mut self) {
        let _ = fd::read(self.door.bell.as_fd(), &mut [0; 8]);
        let arrived = self.door.arrivals.lock().map(|mut a| std::mem::take(&mut *a));
        for arrival in arrived.unwrap_or_default() {
            self.root = self.root.take().or(arrival.root);
            let token = self.next;
            self.next += 1;
            let channel = Channel { socket: arrival.socket, pid: arrival.pid };
            if self.epoll.add(channel.socket.as_fd(), token, true, false).is_ok() {
                self.channels.insert(token, channel);
            } else {
                self.door.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// A process has sent something, or is gone.
    fn hear(&mut self, token: u64) {
        let mut room = [0; LONGEST];
        let mut empty = false;
        for _ in 0..TURN {
            let Some(channel) = self.channels.get(&token) else { return };
            let got = match packet::receive(channel.socket.as_fd(), &mut room) {
                Err(Errno(libc::EAGAIN)) => return,
                Err(_) => return self.close(token),
                // An empty packet looks like the end; the end comes again.
                Ok(got) if got.length == 0 && empty => return self.close(token),
                Ok(got) => got,
            };
            let packet = room.get(..got.length).unwrap_or_default();
            let (id, result) = match Request::parse(packet, got.truncated) {
                Ok(request) => (Some(request.id), self.answer(request.op, channel.pid)),
                Err((id, failure)) => (id, Err(failure)),
            };
            let answer = message::answer(id, result);
            let Some(channel) = self.channels.get(&token) else { return };
            let sent = packet::send(channel.socket.as_fd(), answer.as_bytes());
            empty = got.length == 0;
            if sent.is_err() {
                return self.close(token);
            }
        }
    }

    fn close(&mut self, token: u64) {
        if let Some(channel) = self.channels.remove(&token) {
            let _ = self.epoll.remove(channel.socket.as_fd());
            self.door.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn answer(&mut self, op: Op, pid: i32) -> Answered {
        match op {
            Op::Has(question) => self.truth(|truth| truth.has(&question)).map(message::value),
            Op::Assert(question) => {
                self.truth(|truth| truth.assert(&question)).map(|()| Map::new())
            }
            Op::Report(told) => {
                self.reports.tell(*told, pid);
                Ok(Map::new())
            }
            Op::Secret => Err(Failure::new("unsupported", "secrets are delivered as files")
                .hint("read the file that the boundary names in [secrets]")),
            Op::Drop(_) => Err(Failure::new("unsupported", "drop is not built yet")),
            Op::Identity => Err(Failure::new("bad-request", "identity is answered outside only")),
        }
    }

    fn truth<T>(&self, ask: impl FnOnce(&Truth<'_>) -> T) -> T {
        let network = self.shared.network();
        let reaches = |transport, to| reaches(&self.shared, transport, to);
        let leads = |path: &Path| self.leads(path);
        let (facts, taken) = (&self.facts, &self.taken);
        ask(&Truth { facts, taken, network: &network, reaches: &reaches, leads: &leads })
    }

    /// Where a path leads in the service's root, by opening nothing but names.
    fn leads(&self, path: &Path) -> Led {
        let Some(root) = &self.root else { return Led::Nowhere };
        let found = walk::open_in_root(root.as_fd(), root.as_fd(), path.as_os_str().as_bytes());
        match found {
            Ok(object) => std::fs::read_link(format!("/proc/self/fd/{}", object.as_raw_fd()))
                .map_or(Led::Nowhere, Led::To),
            Err(Errno(libc::ENOENT)) => Led::Missing,
            Err(_) => Led::Nowhere,
        }
    }
}

/// The decision about a connection that is asked for now.
fn reaches(shared: &Shared, transport: Transport, to: SocketAddr) -> Result<(), Refusal> {
    match place(shared, transport, to) {
        Place::Host(..) => Ok(()),
        Place::Refused(refusal) => Err(refusal),
        Place::Inside => Err(Refusal {
            reason: format!("{to} is inside the boundary, and the host's is not granted"),
            missing_grant: Some(format!("{} = [\"{to}\"]", transport.outbound_key())),
        }),
    }
}
