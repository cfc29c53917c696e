//! Carrying a drop out: the grants first, then what was made with them.
//!
//! The boundary is narrower from the first moment on and stays so whatever happens afterwards. Then
//! pending connections are given up, the relay gives up its flows, and the supervisor is told to
//! take away what the service holds. Nothing that was decided under the wider boundary can be put
//! in place meanwhile. Drops are carried out one after the other.

use super::narrow::{Ground, Narrowed, hidden};
use super::{Answered, Control, Origin};
use crate::control::message::{Dropped, Failure, Question};
use crate::control::wire::{Outcome, Part, ToSupervisor};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::Transport;
use ringfence_sys::{Errno, packet, wait};
use serde_json::{Map, json};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the relay may take to give up its flows.
const RELAY: Duration = Duration::from_secs(1);
/// How long the supervisor may take to read an order, and to carry it out.
const READING: Duration = Duration::from_secs(2);
pub(super) const CARRYING_OUT: Duration = Duration::from_secs(9);
/// Grants of one drop that the supervisor is told of, and characters of each.
const TOLD: usize = 64;
const NAMED: usize = 120;
/// Drops that were not completed and can be tried again.
const UNFINISHED: usize = 16;

/// A drop that the supervisor carries out.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) order: u64,
    origin: Origin,
    id: u64,
    question: Question,
    narrowed: Narrowed,
    part: Part,
    dropped: Dropped,
    /// What the broker itself could not take away.
    left: Vec<String>,
    started: Instant,
    pub(super) until: Instant,
}

/// A drop of which something survived.
#[derive(Debug)]
pub(super) struct Unfinished {
    question: Question,
    narrowed: Narrowed,
    part: Part,
}

impl Control {
    /// Begins a drop; answers it at once when there is nothing to wait for.
    pub(super) fn drop(&mut self, origin: Origin, id: u64, question: Question) -> Option<Answered> {
        let started = Instant::now();
        let again = self.unfinished.iter().position(|drop| drop.question == question);
        let (narrowed, mut part, dropped, left) = match again.map(|at| self.unfinished.remove(at)) {
            Some(again) => (again.narrowed, again.part, Dropped::default(), Vec::new()),
            None => match self.narrow(&question) {
                Ok(begun) => begun,
                Err(failure) => return Some(Err(failure)),
            },
        };
        self.orders += 1;
        part.order = self.orders;
        let mut pending = Pending {
            order: part.order,
            origin,
            id,
            question,
            narrowed,
            part: part.clone(),
            dropped,
            left,
            started,
            until: started + CARRYING_OUT,
        };
        if !pending.narrowed.reaches_out() {
            return Some(self.finish(pending, &Outcome::default()));
        }
        if let Err(errno) = self.order(part) {
            pending.left.push(format!("the supervisor could not be told: {errno}"));
            return Some(self.finish(pending, &Outcome::default()));
        }
        self.pending = Some(pending);
        None
    }

    /// Narrows the boundary; from then on nothing new comes of what was dropped.
    fn narrow(
        &mut self,
        question: &Question,
    ) -> Result<(Narrowed, Part, Dropped, Vec<String>), Failure> {
        let mut network = (*self.shared.network()).clone();
        let leads = |path: &Path| self.leads(path);
        let ground = Ground { facts: &self.facts, taken: &self.taken, leads: &leads };
        let narrowed = ground.plan(question, &mut network)?;
        if narrowed.takes_files() && !self.facts.namespaces {
            return Err(Failure::new(
                "unsupported",
                "files can only be taken away where the service has a mount namespace",
            )
            .hint("`ringfence status` says why this host gives none"));
        }
        let mut part = Part {
            narrowings: narrowed.narrowings.clone(),
            unix: narrowed.unix.clone(),
            files: narrowed.files.clone(),
            secrets: narrowed.secrets.clone(),
            ..Part::default()
        };
        let mut dropped = Dropped { grants: narrowed.grants.clone(), ..Dropped::default() };
        let mut left = Vec::new();
        if narrowed.children {
            self.taken.children = true;
            self.shared.childless.store(true, Ordering::Release);
        }
        for socket in narrowed.unix.iter().filter_map(|at| self.facts.unix.get(*at)) {
            self.shared.injected().drop_unix(socket.real.clone());
            self.taken.paths.push(socket.real.clone());
        }
        if !narrowed.narrowings.is_empty() {
            let generation = self.shared.narrow_to(network);
            self.waiter.ring();
            let cut = self.shared.injected().cut(&self.shared.network());
            (part.staying, part.going) = (cut.staying, cut.going);
            (part.gone, part.listening) = (cut.gone, cut.listening);
            part.names = self.names();
            self.give_up_flows(generation, &mut dropped, &mut left);
        }
        let gone = dropped.grants.iter().take(TOLD).map(|grant| outside(grant)).collect();
        let _ = self.tell_supervisor(&ToSupervisor::Narrowed(gone));
        Ok((narrowed, part, dropped, left))
    }

    fn give_up_flows(&self, generation: u64, dropped: &mut Dropped, left: &mut Vec<String>) {
        let Some(netloop) = self.netloop.get() else { return };
        netloop.ring();
        match self.shared.await_applied(generation, RELAY) {
            Some(given_up) => {
                dropped.flows = given_up.flows;
                dropped.listeners = given_up.listeners;
            }
            None => {
                left.push("the relay of datagrams did not give up its flows in time".to_owned());
            }
        }
    }

    /// Real addresses of names that are still granted.
    fn names(&self) -> Vec<(IpAddr, Vec<(u16, u16)>)> {
        let network = self.shared.network();
        let Ok(names) = self.shared.names.lock() else { return Vec::new() };
        let ports = names.pairs().into_iter().map(|(name, real)| {
            let ports = network.open_ports(Transport::Tcp, name);
            (real, ports.iter().map(|range| (range.first, range.last)).collect::<Vec<_>>())
        });
        ports.filter(|(_, ports)| !ports.is_empty()).collect()
    }

    fn order(&self, part: Part) -> Result<(), Errno> {
        for part in part.split() {
            self.tell_supervisor(&ToSupervisor::Order(Box::new(part)))?;
        }
        Ok(())
    }

    /// The supervisor shares nothing with the service, so it may be waited for.
    pub(super) fn tell_supervisor(&self, what: &ToSupervisor) -> Result<(), Errno> {
        let text = serde_json::to_string(what).map_err(|_| Errno(libc::EINVAL))?;
        match packet::send(self.supervisor.as_fd(), text.as_bytes()) {
            Err(Errno(libc::EAGAIN)) => {
                if !wait::writable_within(self.supervisor.as_fd(), READING) {
                    return Err(Errno(libc::ETIMEDOUT));
                }
                packet::send(self.supervisor.as_fd(), text.as_bytes())
            }
            sent => sent,
        }
    }

    /// The supervisor has carried an order out.
    pub(super) fn done(&mut self, order: u64, outcome: &Outcome) {
        if let Some(pending) = self.pending.take_if(|pending| pending.order == order) {
            let (origin, id) = (pending.origin, pending.id);
            let result = self.finish(pending, outcome);
            self.reply(origin, Some(id), result);
            self.next_drop();
        }
    }

    /// The supervisor has taken too long.
    pub(super) fn overdue(&mut self) {
        let now = Instant::now();
        if let Some(mut pending) = self.pending.take_if(|pending| pending.until <= now) {
            pending.left.push("the supervisor did not answer in time".to_owned());
            let (origin, id) = (pending.origin, pending.id);
            let result = self.finish(pending, &Outcome::default());
            self.reply(origin, Some(id), result);
            self.next_drop();
        }
    }

    fn next_drop(&mut self) {
        while self.pending.is_none()
            && let Some((origin, id, question)) = self.waiting.pop_front()
        {
            if let Some(result) = self.drop(origin, id, question) {
                self.reply(origin, Some(id), result);
            }
        }
    }

    /// Makes the answer, and the event.
    fn finish(&mut self, mut pending: Pending, outcome: &Outcome) -> Answered {
        let Pending { question, narrowed, dropped, .. } = &mut pending;
        let what = match &question.reference {
            Some(reference) => format!("{} {reference}", question.scope),
            None => question.scope.to_string(),
        };
        if outcome.unsupported {
            let message = outcome.survived.join("; ");
            return Err(Failure::new("unsupported", message));
        }
        dropped.sockets += outcome.sockets;
        dropped.listeners += outcome.listeners;
        dropped.unix += outcome.unix;
        dropped.files += outcome.files;
        dropped.secrets += outcome.secrets;
        self.taken.paths.extend(hidden(narrowed, &self.facts));
        let files = self.facts.files_of_secrets();
        let secrets = files.filter(|(place, ..)| narrowed.secrets.contains(place));
        self.taken.secrets.extend(secrets.map(|(_, name, _)| name.to_owned()));
        let survived: Vec<String> = pending.left.iter().chain(&outcome.survived).cloned().collect();
        if survived.is_empty() {
            self.tell(Kind::Dropped, pending.origin, what, told(&pending.dropped), None);
            let milliseconds = pending.started.elapsed().as_secs_f64() * 1000.0;
            return Ok(Map::from_iter([
                ("dropped".to_owned(), json!(pending.dropped)),
                ("milliseconds".to_owned(), json!((milliseconds * 1000.0).round() / 1000.0)),
            ]));
        }
        let mut message = survived.join("; ");
        if outcome.ended {
            message.push_str("; the service was ended");
        }
        let code = Some("drop-incomplete");
        self.tell(Kind::Error, pending.origin, what, message.clone(), code);
        if !outcome.ended && self.unfinished.len() < UNFINISHED {
            let Pending { question, narrowed, part, .. } = pending;
            self.unfinished.push(Unfinished { question, narrowed, part });
        }
        Err(Failure::new("drop-incomplete", message)
            .hint("nothing new can come of the dropped grant; stop the service to be sure"))
    }

    /// A drop that was asked for outside has no process.
    fn tell(&self, kind: Kind, origin: Origin, what: String, reason: String, code: Option<&str>) {
        let mut event = Event::new(kind, "", "", Layer::Broker, Action::Drop, what);
        event.pid = match origin {
            Origin::Channel(token) => self.channels.get(&token).map(|c| c.pid.unsigned_abs()),
            Origin::Outside(_) => None,
        };
        event.reason = reason;
        event.code = code.map(str::to_owned);
        self.shared.events.emit(event);
    }
}

/// A grant that is gone, as `ringfence drop` would name it.
fn outside(grant: &str) -> String {
    let (key, value) = match grant.split_once(" \"") {
        Some((key, value)) => (key, value.trim_end_matches('"')),
        None => (grant, ""),
    };
    let text = match (key, key.strip_prefix("secrets.")) {
        (_, Some(name)) => format!("secret {name}"),
        ("fs.droppable", _) => format!("fs.read {value}"),
        ("process.children", _) => format!("child {value}"),
        _ => format!("{key} {value}"),
    };
    text.trim_end().chars().take(NAMED).collect()
}

/// What was taken away, in words.
fn told(dropped: &Dropped) -> String {
    match dropped.words() {
        Some(words) => format!("dropped, and {words} taken away"),
        None => "dropped, and nothing was open".to_owned(),
    }
}

/// The bell of the network loop, which is made after this thread's state.
pub(crate) type NetloopBell = Arc<std::sync::OnceLock<crate::egress::netloop::Bell>>;

#[cfg(test)]
mod tests {
    use super::outside;

    #[test]
    fn what_is_gone_is_told_as_it_could_be_dropped() {
        for (grant, told) in [
            ("net.connect \"prices.internal:28602\"", "net.connect prices.internal:28602"),
            ("net.unix \"/run/db.sock\"", "net.unix /run/db.sock"),
            ("secrets.signing-key", "secret signing-key"),
            ("fs.droppable \"/app/certs\"", "fs.read /app/certs"),
            ("process.children \"/bin/cat\"", "child /bin/cat"),
        ] {
            assert_eq!(outside(grant), told);
        }
    }
}
