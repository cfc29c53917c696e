//! What the two threads of the broker share.
//!
//! Thread 1 answers system calls, thread 2 is the network loop. Both decide by the same grants and
//! look names up in the same table, whose lock is held for a map access and never across a call.

use super::injected::Injected;
use super::names::NameTable;
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Network;
use ringfence_policy::net::HostFacts;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Where events go.
pub trait EventSink: Send + Sync {
    /// Takes an event over. Time and service are empty and filled in here. It must not wait: what
    /// cannot be taken now is counted and dropped.
    fn emit(&self, event: Event);

    /// Nothing follows: what was dropped since the last event that was taken is told.
    fn close(&self) {}
}

/// What the two threads of the broker share.
pub struct Shared {
    /// The grants that are in force.
    network: RwLock<Arc<Network>>,
    /// Which name an address was given out for.
    pub names: Mutex<NameTable>,
    /// Facts about this host.
    pub host: HostFacts,
    /// Where events go.
    pub events: Box<dyn EventSink>,
    /// Whether allowed accesses are events too.
    pub audit: bool,
    generation: AtomicU64,
    applied: Mutex<Applied>,
    apply: Condvar,
    /// What was put in place; held while something is, and while the boundary is narrowed.
    pub(super) injected: Mutex<Injected>,
    /// No program may be started any more.
    pub(super) childless: AtomicBool,
}

/// What the network loop has done about a narrower boundary.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Applied {
    /// Up to this generation.
    generation: u64,
    /// Flows that were given up since it was asked last.
    pub(super) flows: usize,
    /// Listeners for datagrams that were closed since then.
    pub(super) listeners: usize,
}

impl Shared {
    /// State for one service, with an empty name table in the mode of its boundary.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        host: HostFacts,
        events: Box<dyn EventSink>,
        audit: bool,
    ) -> Self {
        let names = Mutex::new(NameTable::new(network.dns));
        Self {
            network: RwLock::new(network),
            names,
            host,
            events,
            audit,
            generation: AtomicU64::new(0),
            applied: Mutex::default(),
            apply: Condvar::new(),
            injected: Mutex::default(),
            childless: AtomicBool::new(false),
        }
    }

    /// The grants that are in force now.
    #[must_use]
    pub fn network(&self) -> Arc<Network> {
        Arc::clone(&self.network.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts how often the boundary was narrowed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The boundary was narrowed: answers the new count. Ring the network loop's bell afterwards;
    /// it gives up all flows, answers and lookups of before, and then [`Self::applied`] says so.
    pub fn narrow(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The boundary is this narrower one from now on: answers the new count. What was decided under
    /// the wider one is put in place before this or never. Ring the bells afterwards.
    pub(super) fn narrow_to(&self, network: Network) -> u64 {
        let _nothing_is_put_in_place = self.injected();
        *self.network.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(network);
        self.narrow()
    }

    /// The latest count the network loop has acted on.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.lock().map_or(0, |applied| applied.generation)
    }

    /// Waits until the network loop has acted on `generation` and takes what it has given up;
    /// nothing when it does not within this time.
    pub(super) fn await_applied(&self, generation: u64, patience: Duration) -> Option<Applied> {
        let applied = self.applied.lock().ok()?;
        let behind = |applied: &mut Applied| applied.generation < generation;
        let (mut applied, waited) =
            self.apply.wait_timeout_while(applied, patience, behind).ok()?;
        if waited.timed_out() {
            return None;
        }
        let told = *applied;
        *applied = Applied { generation: told.generation, ..Applied::default() };
        Some(told)
    }

    /// The network loop has given up everything from before `generation`: so many flows, and so many
    /// listeners for good.
    pub(super) fn apply(&self, generation: u64, flows: usize, listeners: usize) {
        if let Ok(mut applied) = self.applied.lock() {
            applied.generation = generation;
            applied.flows += flows;
            applied.listeners += listeners;
        }
        self.apply.notify_all();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("network", &self.network()).finish_non_exhaustive()
    }
}

/// An event of the broker; the sink fills in time and service.
#[must_use]
pub fn event(kind: Kind, action: Action, resource: impl Into<String>) -> Event {
    Event::new(kind, String::new(), String::new(), Layer::Broker, action, resource)
}
