//! Lookups under way and who waits for each.

use super::clients::Client;
use super::lookup::Lookup;
use ringfence_policy::net::HostName;
use std::time::Instant;

/// Somebody who waits for a lookup.
#[derive(Debug, Clone)]
pub(super) struct Waiter {
    pub(super) client: Client,
    /// Id and whether recursion was desired, both echoed.
    pub(super) echo: (u16, bool),
    /// The question as it came, echoed byte by byte.
    pub(super) question: Vec<u8>,
}

/// A lookup and those who wait for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) lookup: Lookup,
    pub(super) waiters: Vec<Waiter>,
}

impl Pending {
    /// One more waits, unless there are `most` already; asking again changes nothing.
    pub(super) fn join(&mut self, waiter: Waiter, most: usize) -> bool {
        let same = |other: &Waiter| other.client == waiter.client && other.echo == waiter.echo;
        if self.waiters.iter().any(same) {
            return true;
        }
        let room = self.waiters.len() < most;
        if room {
            self.waiters.push(waiter);
        }
        room
    }
}

/// All lookups under way.
#[derive(Debug)]
pub(super) struct Waiting {
    slots: Vec<Option<Pending>>,
    count: usize,
    most: usize,
}

impl Waiting {
    pub(super) fn new(most: usize) -> Self {
        Self { slots: Vec::new(), count: 0, most }
    }

    pub(super) fn find(&mut self, name: &HostName, kind: u16) -> Option<&mut Pending> {
        let mut all = self.slots.iter_mut().flatten();
        all.find(|pending| pending.lookup.kind == kind && pending.lookup.asked == *name)
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut Pending> {
        self.slots.get_mut(index)?.as_mut()
    }

    /// An index for one more, unless the bound is reached.
    pub(super) fn free_index(&mut self) -> Option<usize> {
        if let Some(index) = self.slots.iter().position(Option::is_none) {
            return Some(index);
        }
        if self.slots.len() >= self.most {
            return None;
        }
        self.slots.push(None);
        Some(self.slots.len() - 1)
    }

    pub(super) fn put(&mut self, index: usize, pending: Pending) {
        if let Some(place) = self.slots.get_mut(index) {
            self.count += 1;
            *place = Some(pending);
        }
    }

    pub(super) fn take(&mut self, index: usize) -> Option<Pending> {
        let taken = self.slots.get_mut(index)?.take()?;
        self.count -= 1;
        Some(taken)
    }

    pub(super) fn take_all(&mut self) -> Vec<Pending> {
        self.count = 0;
        self.slots.drain(..).flatten().collect()
    }

    /// When the next one has waited for too long.
    pub(super) fn wakes(&self) -> Option<Instant> {
        if self.count == 0 {
            return None;
        }
        self.slots.iter().flatten().map(|pending| pending.lookup.wakes()).min()
    }

    /// One that has waited for too long.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let due = |place: &Option<Pending>| place.as_ref().is_some_and(|p| p.lookup.wakes() <= now);
        self.slots.iter().position(due)
    }
}
