//! The broker's thread for the control channel.
//!
//! One poller over the channels of the service's processes. Requests of one channel are answered in
//! their order; a channel whose process does not read its answers is closed, and nothing is ever
//! waited for that the service could keep from happening. Questions are answered from the grants
//! that are in force, by the code that decides about connections.

mod door;
mod dropping;
mod missed;
mod narrow;
mod report;

pub(crate) use door::Door;
pub(crate) use dropping::NetloopBell;

use super::place::{Place, canonical, place};
use super::shared::Shared;
use super::waiter::Waiter;
use crate::control::facts::{Facts, Taken};
use crate::control::message::{self, Failure, LONGEST, Op, Question, Request};
use crate::control::truth::{Led, Truth};
use crate::control::wire::{self, ToBroker, ToSupervisor};
use dropping::{Pending, Unfinished};
use report::Reports;
use ringfence_policy::net::{Refusal, Transport};
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::{Errno, fd, packet, walk};
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The tokens of the bell and of the supervisor; channels follow.
const BELL: u64 = 0;
const SUPERVISOR: u64 = 1;
/// Most requests of one channel before the others have their turn.
const TURN: usize = 16;
/// Drops that wait for the one that is carried out.
const WAITING: usize = 64;

/// What is answered: fields besides `ok`, or why not.
type Answered = Result<Map<String, Value>, Failure>;

/// Who has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The process with this channel.
    Channel(u64),
    /// A caller of the supervisor.
    Outside(u64),
}

/// What the thread works with.
pub(crate) struct Means {
    pub(crate) shared: Arc<Shared>,
    pub(crate) waiter: Waiter,
    pub(crate) netloop: NetloopBell,
    /// Where channels come from.
    pub(crate) door: Door,
    /// The supervisor's end of the wire.
    pub(crate) supervisor: OwnedFd,
}

/// The thread.
pub(crate) struct Control {
    door: Door,
    shared: Arc<Shared>,
    waiter: Waiter,
    netloop: NetloopBell,
    supervisor: OwnedFd,
    facts: Facts,
    taken: Taken,
    epoll: Epoll,
    channels: HashMap<u64, Channel>,
    next: u64,
    reports: Reports,
    orders: u64,
    pending: Option<Pending>,
    waiting: VecDeque<Waiting>,
    unfinished: Vec<Unfinished>,
}

/// A drop that waits for another one.
type Waiting = (Origin, u64, Question);

/// One process of the service.
#[derive(Debug)]
struct Channel {
    socket: OwnedFd,
    pid: i32,
    /// A drop of it is being carried out; nothing more is read until then.
    waits: bool,
}

impl Control {
    /// A thread's state; must be made before the broker's filter.
    pub(crate) fn new(means: Means, facts: Facts) -> Result<Self, Errno> {
        let Means { shared, waiter, netloop, door, supervisor } = means;
        let epoll = Epoll::new()?;
        epoll.add(door.bell.as_fd(), BELL, true, false)?;
        epoll.add(supervisor.as_fd(), SUPERVISOR, true, false)?;
        let reports = Reports::new(Arc::clone(&shared));
        Ok(Self {
            door,
            shared,
            waiter,
            netloop,
            supervisor,
            facts,
            taken: Taken::default(),
            epoll,
            channels: HashMap::new(),
            next: SUPERVISOR + 1,
            reports,
            orders: 0,
            pending: None,
            waiting: VecDeque::new(),
            unfinished: Vec::new(),
        })
    }

    /// Answers for ever.
    pub(crate) fn run(&mut self) -> Result<(), Errno> {
        let mut room = [Ready::NONE; 64];
        loop {
            let until = self.pending.as_ref().map(|pending| pending.until);
            let pause = until.map(|until| until.saturating_duration_since(Instant::now()));
            let ready = self.epoll.wait(&mut room, pause)?;
            for one in ready {
                match one.token {
                    BELL => self.take_over(),
                    SUPERVISOR => self.hear_supervisor(),
                    token => self.hear(token),
                }
            }
            self.overdue();
        }
    }

    fn take_over(&mut self) {
        let _ = fd::read(self.door.bell.as_fd(), &mut [0; 8]);
        let arrived = self.door.arrivals.lock().map(|mut a| std::mem::take(&mut *a));
        for arrival in arrived.unwrap_or_default() {
            let token = self.next;
            self.next += 1;
            let channel = Channel { socket: arrival.socket, pid: arrival.pid, waits: false };
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
            let Some(channel) = self.channels.get(&token).filter(|c| !c.waits) else { return };
            let got = match packet::receive(channel.socket.as_fd(), &mut room) {
                Err(Errno(libc::EAGAIN)) => return,
                Err(_) => return self.close(token),
                // An empty packet looks like the end; the end comes again.
                Ok(got) if got.length == 0 && empty => return self.close(token),
                Ok(got) => got,
            };
            empty = got.length == 0;
            let packet = room.get(..got.length).unwrap_or_default();
            let pid = channel.pid;
            self.serve(Origin::Channel(token), packet, got.truncated, pid);
        }
    }

    /// The supervisor passes requests on and tells what became of orders.
    fn hear_supervisor(&mut self) {
        let mut room = vec![0; wire::LONGEST];
        loop {
            let got = match packet::receive(self.supervisor.as_fd(), &mut room) {
                Err(Errno(libc::EAGAIN)) => return,
                Ok(got) if got.length > 0 => got,
                // It has ended, and this process is about to.
                _ => {
                    let _ = self.epoll.remove(self.supervisor.as_fd());
                    return;
                }
            };
            match serde_json::from_slice(room.get(..got.length).unwrap_or_default()) {
                Ok(ToBroker::Request { caller, packet }) => {
                    self.serve(Origin::Outside(caller), packet.as_bytes(), false, 0);
                }
                Ok(ToBroker::Gone { caller }) => {
                    self.waiting.retain(|(origin, ..)| *origin != Origin::Outside(caller));
                }
                Ok(ToBroker::Done { order, outcome }) => self.done(order, &outcome),
                Err(_) => {}
            }
        }
    }

    fn serve(&mut self, origin: Origin, packet: &[u8], truncated: bool, pid: i32) {
        let (id, result) = match Request::parse(packet, truncated) {
            Err((id, failure)) => (id, Err(failure)),
            Ok(Request { id, op: Op::Drop(question) }) => {
                match self.begin_drop(origin, id, question) {
                    Some(result) => (Some(id), result),
                    None => return,
                }
            }
            Ok(Request { id, op }) => (Some(id), self.answer(op, origin, pid)),
        };
        self.reply(origin, id, result);
    }

    /// One drop at a time; a channel is not read while one of its own is carried out.
    fn begin_drop(&mut self, origin: Origin, id: u64, question: Question) -> Option<Answered> {
        if self.pending.is_some() {
            if !queue(&mut self.waiting, (origin, id, question)) {
                let message = "too many drops are being carried out";
                return Some(Err(Failure::new("unavailable", message).hint("ask again")));
            }
        } else if let Some(result) = self.drop(origin, id, question) {
            return Some(result);
        }
        if let Origin::Channel(token) = origin
            && let Some(channel) = self.channels.get_mut(&token)
        {
            channel.waits = true;
            let _ = self.epoll.remove(channel.socket.as_fd());
        }
        None
    }

    /// Sends an answer; a caller that has no room for it is closed.
    fn reply(&mut self, origin: Origin, id: Option<u64>, result: Answered) {
        let packet = message::answer(id, result);
        match origin {
            Origin::Outside(caller) => {
                let _ = self.tell_supervisor(&ToSupervisor::Answer { caller, packet });
            }
            Origin::Channel(token) => {
                let Some(channel) = self.channels.get_mut(&token) else { return };
                let sent = packet::send(channel.socket.as_fd(), packet.as_bytes());
                let heard = if std::mem::take(&mut channel.waits) {
                    self.epoll.add(channel.socket.as_fd(), token, true, false)
                } else {
                    Ok(())
                };
                if sent.and(heard).is_err() {
                    self.close(token);
                }
            }
        }
    }

    fn close(&mut self, token: u64) {
        if let Some(channel) = self.channels.remove(&token) {
            let _ = self.epoll.remove(channel.socket.as_fd());
            self.door.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn answer(&mut self, op: Op, origin: Origin, pid: i32) -> Answered {
        match op {
            Op::Has(question) => self.truth(|truth| truth.has(&question)).map(message::value),
            Op::Assert(question) => {
                self.truth(|truth| truth.assert(&question)).map(|()| Map::new())
            }
            Op::Report(told) if matches!(origin, Origin::Channel(_)) => {
                self.reports.tell(*told, pid);
                Ok(Map::new())
            }
            Op::Secret => Err(Failure::new("unsupported", "secrets are delivered as files")
                .hint("read the file that the boundary names in [secrets]")),
            Op::Drop(_) | Op::Identity | Op::Report(_) => {
                Err(Failure::new("bad-request", "this is not answered here"))
            }
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
        let Some(root) = self.door.root.get() else { return Led::Nowhere };
        let found = walk::open_in_root(root.as_fd(), root.as_fd(), path.as_os_str().as_bytes());
        match found {
            Ok(object) => std::fs::read_link(format!("/proc/self/fd/{}", object.as_raw_fd()))
                .map_or(Led::Nowhere, Led::To),
            // What is made through a link that leads nowhere is made where it leads to, and nothing
            // says that it may be.
            Err(Errno(libc::ENOENT)) if is_link(root.as_fd(), path) => Led::Nowhere,
            Err(Errno(libc::ENOENT)) => Led::Missing,
            Err(_) => Led::Nowhere,
        }
    }
}

/// Puts a drop behind those that wait, unless there are too many of the service. It must not be able
/// to keep its grants from being taken: callers from outside come first, and there are only a few.
fn queue(waiting: &mut VecDeque<Waiting>, new: Waiting) -> bool {
    let outside = |drop: &&Waiting| matches!(drop.0, Origin::Outside(_));
    let first = waiting.iter().take_while(outside).count();
    if outside(&&new) {
        waiting.insert(first, new);
    } else if waiting.len() - first < WAITING {
        waiting.push_back(new);
    } else {
        return false;
    }
    true
}

/// Whether the last name of a path is a symlink.
fn is_link(root: BorrowedFd<'_>, path: &Path) -> bool {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let Ok(folder) = walk::open_in_root(root, root, parent.as_os_str().as_bytes()) else {
        return false;
    };
    let at = format!("/proc/self/fd/{}", folder.as_raw_fd());
    std::fs::read_link(Path::new(&at).join(name)).is_ok()
}

/// The decision about a connection that is asked for now.
fn reaches(shared: &Shared, transport: Transport, to: SocketAddr) -> Result<(), Refusal> {
    match place(shared, transport, to) {
        Place::Host(..) => Ok(()),
        Place::Refused(refusal) => Err(refusal),
        Place::Inside => {
            let dropped = shared.network().address_dropped(transport, canonical(to));
            Err(dropped.unwrap_or_else(|| Refusal {
                reason: format!("{to} is inside the boundary, and the host's is not granted"),
                missing_grant: Some(format!("{} = [\"{to}\"]", transport.outbound_key())),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::scope::Scope;

    #[test]
    fn a_service_cannot_keep_callers_from_outside_from_their_drops() {
        let drop = |origin| (origin, 1, Question { scope: Scope::Net, reference: None });
        let mut waiting = VecDeque::new();
        for number in 0..WAITING as u64 {
            assert!(queue(&mut waiting, drop(Origin::Channel(number))));
        }
        assert!(!queue(&mut waiting, drop(Origin::Channel(99))));
        assert!(queue(&mut waiting, drop(Origin::Outside(1))));
        assert!(queue(&mut waiting, drop(Origin::Outside(2))));
        assert!(!queue(&mut waiting, drop(Origin::Channel(99))));
        let first: Vec<Origin> = waiting.iter().take(3).map(|(origin, ..)| *origin).collect();
        assert_eq!(first, [Origin::Outside(1), Origin::Outside(2), Origin::Channel(0)]);
    }
}
