//! The supervisor's part of the control channel: callers from outside, and orders to take away.
//!
//! The broker decides about requests, because it holds the grants that are in force; what must be
//! done with the service is done here. The narrowed grants are kept here too, so that the broker is
//! not believed about what is left of them.

use super::outside::{self, Identity, Outside};
use super::revoke::{self, Cut, Incomplete, Order, Remaining, Tree};
use crate::control::wire::{self, Narrowing, Outcome, Part, ToBroker, ToSupervisor};
use crate::plan::Plan;
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Network;
use ringfence_policy::net::PortRange;
use ringfence_sys::{Errno, packet};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// Most packets of the broker that are read before everything else has its turn.
const TURN: usize = 64;

/// Most dropped grants that are remembered: an answer holds no more.
const DROPPED: usize = 32;

/// What the supervisor keeps for it.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) outside: Outside,
    /// The grants without what was dropped.
    network: Arc<Network>,
    /// The parts of an order that have come.
    order: Part,
    /// How often the boundary was narrowed.
    pub(super) generation: u64,
    /// What was dropped since the start.
    pub(super) dropped: Vec<String>,
}

impl Control {
    pub(super) fn new(plan: &Plan, outside: Outside) -> Self {
        let network = Arc::clone(&plan.network);
        let (order, dropped) = (Part::default(), Vec::new());
        Self { outside, network, order, generation: 0, dropped }
    }

    /// Reads what the broker has to say. Answers orders that are complete.
    pub(super) fn hear(&mut self, broker: BorrowedFd<'_>) -> Vec<Part> {
        let mut room = vec![0; wire::LONGEST];
        let mut complete = Vec::new();
        for _ in 0..TURN {
            let Ok(got) = packet::receive(broker, &mut room) else { break };
            if got.length == 0 {
                break;
            }
            let bytes = room.get(..got.length).unwrap_or_default();
            match serde_json::from_slice(bytes) {
                Ok(ToSupervisor::Answer { caller, packet }) => {
                    self.outside.answer(caller, &packet);
                }
                // The network's own count stays when a file or secret goes.
                Ok(ToSupervisor::Narrowed(gone)) => {
                    self.generation += 1;
                    let room = DROPPED.saturating_sub(self.dropped.len());
                    self.dropped.extend(gone.into_iter().take(room));
                }
                Ok(ToSupervisor::Order(part)) => {
                    self.order.extend(*part);
                    if self.order.last {
                        complete.push(std::mem::take(&mut self.order));
                    }
                }
                Err(_) => {}
            }
        }
        complete
    }

    /// Serves callers; their requests go to the broker.
    pub(super) fn serve(&mut self, broker: BorrowedFd<'_>, identity: &Identity<'_>) {
        for request in self.outside.serve(identity) {
            if outside::tell(broker, &request).is_err() {
                self.outside.unanswered(&request);
            }
        }
    }

    /// Carries an order out and tells the broker how. Answers why the service was ended, if it was.
    pub(super) fn carry_out(
        &mut self,
        part: Part,
        plan: &Plan,
        tree: Option<&Tree<'_>>,
        broker: BorrowedFd<'_>,
    ) -> Option<String> {
        let number = part.order;
        let order = self.order(part, plan);
        let outcome = match tree {
            Some(tree) => outcome(revoke::revoke(tree, &order)),
            None => Outcome {
                survived: vec!["the service has not started yet".to_owned()],
                ..Outcome::default()
            },
        };
        let ended = outcome.ended.then(|| outcome.survived.join("; "));
        if let Some(why) = &ended {
            // The broker ends with the service, and may not come to answer any more.
            self.outside.service_ended(why);
        }
        // A broker that does not hear it has ended, which is noticed.
        let _ = outside::tell(broker, &ToBroker::Done { order: number, outcome });
        ended
    }

    /// What an order means for this plan.
    fn order(&mut self, part: Part, plan: &Plan) -> Order {
        let network = Arc::make_mut(&mut self.network);
        for narrowing in &part.narrowings {
            // What the broker refused is not in an order.
            let _ = narrowing.apply(network);
        }
        let nothing = network.connect.is_empty() && network.listen.is_empty();
        let every = |narrowing: &Narrowing| {
            matches!(narrowing, Narrowing::Connect(_) | Narrowing::Listen(_))
        };
        let sockets = (part.sockets || part.narrowings.iter().any(every)).then(|| {
            let names = part.names.iter().map(|(ip, ports)| {
                let ports =
                    ports.iter().map(|(first, last)| PortRange { first: *first, last: *last });
                (*ip, ports.collect())
            });
            let remaining = Remaining {
                network: Arc::clone(&self.network),
                names: names.collect(),
                listening: part.listening.clone(),
            };
            Cut {
                remaining: (!nothing).then_some(remaining),
                staying: part.staying.into_iter().collect(),
                going: part.going.into_iter().collect(),
                gone: part.gone,
            }
        });
        let unix = part.unix.iter().filter_map(|at| plan.unix_sockets.get(*at).cloned());
        let files = part.files.iter().filter_map(|at| plan.droppable.get(*at).cloned());
        let secrets = part.secrets.iter().filter_map(|at| Some(plan.secrets.get(*at)?.to.clone()));
        Order { sockets, unix: unix.collect(), files: files.collect(), secrets: secrets.collect() }
    }
}

fn outcome(result: Result<revoke::Done, Incomplete>) -> Outcome {
    let (done, incomplete) = match result {
        Ok(done) => (done, None),
        Err(incomplete) => (incomplete.done, Some(incomplete)),
    };
    let (survived, unsupported, ended) = incomplete.map_or((Vec::new(), false, false), |left| {
        // Said by the executor; an empty list would mean that nothing survived.
        let survived = if left.survived.is_empty() {
            vec!["it cannot be shown that nothing survived".to_owned()]
        } else {
            left.survived
        };
        (survived, left.unsupported, left.ended)
    });
    Outcome {
        sockets: done.sockets,
        listeners: done.listeners,
        unix: done.unix,
        files: done.files,
        secrets: done.secrets,
        survived,
        unsupported,
        ended,
    }
}

/// The event of a start that cannot be asked from outside.
pub(super) fn without_address(errno: Errno) -> Event {
    let address = crate::control::address(std::process::id());
    let address = String::from_utf8_lossy(&address).into_owned();
    let mut event = Event::new(Kind::Error, "", "", Layer::Broker, Action::Start, address);
    event.reason = format!(
        "nobody can ask this boundary from outside, `ringfence drop` included: its address cannot be had: {errno}"
    );
    event.code = Some("control-address".to_owned());
    event
}

/// The descriptors that the control channel waits for.
pub(super) fn sources<'a>(control: &'a Control, broker: BorrowedFd<'a>) -> Vec<BorrowedFd<'a>> {
    [vec![broker], control.outside.sources()].concat()
}
