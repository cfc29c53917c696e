//! Callers from outside the boundary: `ringfence drop`, `explain`, and who looks after services.
//!
//! The supervisor listens at the abstract address `ringfence/PID`. It takes the same users as may
//! stop it anyway: its own and root. It reads one request at a time of a handful of callers, passes
//! it on to the broker and the answer back, and never waits for any of them: a caller that does not
//! read is closed, one that says nothing is closed after a while. An address that is taken, which
//! any process of the same network namespace can do, costs the service nothing: it runs without.

use crate::control::message::{self, Failure, LONGEST, Op, Request};
use crate::control::wire::{self, ToBroker};
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::{Errno, packet, privilege, socket};
use serde_json::{Map, Value, json};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Most callers at once; the others wait to be taken.
pub(super) const MOST: usize = 4;
/// Callers that may wait.
const BACKLOG: i32 = 8;
/// How long a caller may say nothing: it keeps others from being taken.
const IDLE: Duration = Duration::from_secs(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the identity of a boundary is made of.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) boundary: &'a str,
    pub(super) file: &'a std::path::Path,
    pub(super) service: &'a str,
    pub(super) layers: &'a [(Layer, Answer)],
    pub(super) program_pid: Option<u32>,
    pub(super) generation: u64,
    pub(super) dropped: &'a [String],
}

/// The address and who has called at it.
#[derive(Debug, Default)]
pub(super) struct Outside {
    listener: Option<OwnedFd>,
    callers: Vec<Caller>,
    next: u64,
}

#[derive(Debug)]
struct Caller {
    number: u64,
    socket: OwnedFd,
    /// The request that the broker has.
    pending: Option<u64>,
    until: Instant,
}

impl Outside {
    /// Listens at this process's address; without one when it is taken or sockets are refused, and
    /// then says why.
    pub(super) fn open() -> (Self, Option<Errno>) {
        match packet::listen(&crate::control::address(std::process::id()), BACKLOG) {
            Ok(listener) => (Self { listener: Some(listener), ..Self::default() }, None),
            Err(errno) => (Self::default(), Some(errno)),
        }
    }

    /// What to wait for: the address while there is room, then each caller without a pending request.
    pub(super) fn sources(&self) -> Vec<BorrowedFd<'_>> {
        let listener = self.listener.as_ref().filter(|_| self.callers.len() < MOST);
        let idle = self.callers.iter().filter(|caller| caller.pending.is_none());
        let idle = idle.map(|caller| caller.socket.as_fd());
        listener.map(AsFd::as_fd).into_iter().chain(idle).collect()
    }

    /// When a caller's time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.callers.iter().map(|caller| caller.until).min()
    }

    /// Takes new callers and reads what there is; never waits. Requests for the broker are answered.
    pub(super) fn serve(&mut self, identity: &Identity<'_>) -> Vec<ToBroker> {
        self.accept();
        let mut requests = Vec::new();
        let now = Instant::now();
        let mut gone = Vec::new();
        for caller in &mut self.callers {
            if caller.pending.is_none() && caller.read(identity, now, &mut requests).is_err()
                || caller.until <= now
            {
                // Closed without a word it would look as if the service had ended.
                if let Some(id) = caller.pending {
                    let why = "the broker has not answered in time, and may do it still";
                    let late = message::answer(Some(id), Err(Failure::new("unavailable", why)));
                    let _ = packet::send(caller.socket.as_fd(), late.as_bytes());
                }
                gone.push(caller.number);
            }
        }
        for number in gone {
            requests.extend(self.close(number));
        }
        requests
    }

    /// The broker's answer for a caller.
    pub(super) fn answer(&mut self, number: u64, packet: &str) {
        let Some(caller) = self.callers.iter_mut().find(|caller| caller.number == number) else {
            return;
        };
        caller.pending = None;
        caller.until = Instant::now() + IDLE;
        if packet::send(caller.socket.as_fd(), packet.as_bytes()).is_err() {
            self.close(number);
        }
    }

    /// The broker cannot be asked.
    pub(super) fn unanswered(&mut self, request: &ToBroker) {
        let ToBroker::Request { caller: number, .. } = request else { return };
        let id = self.callers.iter().find(|c| c.number == *number).and_then(|c| c.pending);
        let failure = Failure::new("unavailable", "the broker does not answer");
        self.answer(*number, &message::answer(id, Err(failure)));
    }

    /// The service was ended to complete a drop: whoever waits for an answer hears of it.
    pub(super) fn service_ended(&mut self, why: &str) {
        let waiting: Vec<(u64, u64)> =
            self.callers.iter().filter_map(|c| Some((c.number, c.pending?))).collect();
        for (number, id) in waiting {
            let message = format!("{why}; the service was ended");
            let failure = Failure::new("drop-incomplete", message);
            self.answer(number, &message::answer(Some(id), Err(failure)));
        }
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        for _ in 0..BACKLOG {
            if self.callers.len() >= MOST {
                return;
            }
            let Ok(socket) = socket::accept(listener.as_fd()) else { return };
            let (own, _) = privilege::effective_ids();
            let known = packet::peer(socket.as_fd());
            if !known.is_ok_and(|peer| peer.uid == own || peer.uid == 0) {
                let failure = Failure::new("refused", "this boundary belongs to another user")
                    .hint("ask as the user who runs `ringfence run`, or as root");
                let refusal = message::answer(None, Err(failure));
                let _ = packet::send(socket.as_fd(), refusal.as_bytes());
                continue;
            }
            self.next += 1;
            let until = Instant::now() + IDLE;
            self.callers.push(Caller { number: self.next, socket, pending: None, until });
        }
    }

    fn close(&mut self, number: u64) -> Option<ToBroker> {
        let at = self.callers.iter().position(|caller| caller.number == number)?;
        let caller = self.callers.swap_remove(at);
        caller.pending.map(|_| ToBroker::Gone { caller: number })
    }
}

impl Caller {
    /// Reads at most one request.
    fn read(
        &mut self,
        identity: &Identity<'_>,
        now: Instant,
        requests: &mut Vec<ToBroker>,
    ) -> Result<(), Errno> {
        let mut room = [0; LONGEST];
        let got = match packet::receive(self.socket.as_fd(), &mut room) {
            Err(Errno(libc::EAGAIN)) => return Ok(()),
            got => got?,
        };
        if got.length == 0 {
            return Err(Errno(libc::EPIPE));
        }
        self.until = now + IDLE;
        let bytes = room.get(..got.length).unwrap_or_default();
        let answer = match Request::parse(bytes, got.truncated) {
            Err((id, failure)) => message::answer(id, Err(failure)),
            Ok(Request { id, op: Op::Identity }) => {
                message::answer(Some(id), Ok(identity.fields()))
            }
            Ok(request) => {
                self.pending = Some(request.id);
                self.until = now + PATIENCE;
                let packet = String::from_utf8_lossy(bytes).into_owned();
                requests.push(ToBroker::Request { caller: self.number, packet });
                return Ok(());
            }
        };
        packet::send(self.socket.as_fd(), answer.as_bytes())
    }
}

impl Identity<'_> {
    fn fields(&self) -> Map<String, Value> {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|(layer, answer)| {
                let (state, why) = match answer {
                    Answer::Absent(why) => ("absent", Some(why)),
                    Answer::Enforced => ("enforced", None),
                    Answer::NotNeeded => ("not-needed", None),
                    Answer::Partial(why) => ("partial", Some(why)),
                };
                json!({"layer": layer.id(), "state": state, "why": why})
            })
            .collect();
        Map::from_iter([
            ("boundary".to_owned(), json!(self.boundary)),
            ("file".to_owned(), json!(self.file.to_string_lossy())),
            ("service".to_owned(), json!(self.service)),
            ("ringfence".to_owned(), json!(env!("CARGO_PKG_VERSION"))),
            ("program_pid".to_owned(), json!(self.program_pid)),
            ("layers".to_owned(), Value::Array(layers)),
            ("generation".to_owned(), json!(self.generation)),
            ("dropped".to_owned(), json!(self.dropped)),
        ])
    }
}

/// Hands something to the broker, which reads as long as it lives.
pub(super) fn tell(broker: BorrowedFd<'_>, what: &ToBroker) -> Result<(), Errno> {
    let text = serde_json::to_string(what).map_err(|_| Errno(libc::EINVAL))?;
    if text.len() > wire::LONGEST {
        return Err(Errno(libc::EMSGSIZE));
    }
    packet::send(broker, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(generation: u64, dropped: &[String]) -> Identity<'_> {
        Identity {
            boundary: "",
            file: std::path::Path::new("/"),
            service: "",
            layers: &[],
            program_pid: None,
            generation,
            dropped,
        }
    }

    #[test]
    fn an_identity_says_what_was_dropped_and_fits_into_a_packet() {
        let mut dropped = vec!["net.connect prices.internal:28602".to_owned()];
        let answer =
            |dropped: &[String]| message::answer(Some(1), Ok(identity(2, dropped).fields()));
        let few: Value = serde_json::from_str(&answer(&dropped)).unwrap();
        assert_eq!((&few["generation"], &few["dropped"]), (&json!(2), &json!(dropped)));
        dropped.extend(vec!["\"".repeat(120); 31]);
        assert!(answer(&dropped).len() < LONGEST);
    }

    #[test]
    fn a_caller_whom_the_broker_does_not_answer_is_told_so() {
        let (near, far) = packet::pair().unwrap();
        let mut outside = Outside::default();
        let until = Instant::now();
        outside.callers.push(Caller { number: 1, socket: near, pending: Some(7), until });
        let requests = outside.serve(&identity(0, &[]));
        assert!(matches!(requests[..], [ToBroker::Gone { caller: 1 }]), "{requests:?}");
        let mut room = [0; LONGEST];
        let got = packet::receive(far.as_fd(), &mut room).unwrap();
        let answer: Value = serde_json::from_slice(&room[..got.length]).unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!("unavailable")));
        assert_eq!(packet::receive(far.as_fd(), &mut room).map(|got| got.length), Ok(0));
    }
}
