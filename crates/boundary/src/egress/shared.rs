//! What the two threads of the broker share.
//!
//! Thread 1 answers system calls, thread 2 is the network loop. Both decide by the same grants and
//! look names up in the same table, whose lock is held for a map access and never across a call.

use super::names::NameTable;
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Network;
use ringfence_policy::net::HostFacts;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

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
    applied: AtomicU64,
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
        let (generation, applied) = (AtomicU64::new(0), AtomicU64::new(0));
        let network = RwLock::new(network);
        Self { network, names, host, events, audit, generation, applied }
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

    /// The latest count the network loop has acted on.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// The network loop has given up everything from before `generation`.
    pub(super) fn apply(&self, generation: u64) {
        self.applied.store(generation, Ordering::Release);
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
