//! Flows by key and by index, at most so many; the one that was quiet for longest makes room.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A table of flows.
#[derive(Debug)]
pub(super) struct Flows<K, F> {
    slots: Vec<Option<Slot<K, F>>>,
    index_of: HashMap<K, usize>,
    most: usize,
}

#[derive(Debug)]
struct Slot<K, F> {
    key: K,
    flow: F,
    used: Instant,
}

impl<K: Copy + Eq + Hash, F> Flows<K, F> {
    pub(super) fn new(most: usize) -> Self {
        Self { slots: Vec::new(), index_of: HashMap::new(), most }
    }

    /// The flow with this key, which is now used.
    pub(super) fn find(&mut self, key: &K, now: Instant) -> Option<(usize, &mut F)> {
        let index = *self.index_of.get(key)?;
        let slot = self.slots.get_mut(index)?.as_mut()?;
        slot.used = now;
        Some((index, &mut slot.flow))
    }

    /// The flow at this index, which is now used.
    pub(super) fn at(&mut self, index: usize, now: Instant) -> Option<(&K, &mut F)> {
        let slot = self.slots.get_mut(index)?.as_mut()?;
        slot.used = now;
        Some((&slot.key, &mut slot.flow))
    }

    /// The index the next flow will have; at the bound the quietest flow is given up for it.
    pub(super) fn room(&mut self) -> usize {
        if self.index_of.len() < self.most {
            if let Some(index) = self.slots.iter().position(Option::is_none) {
                return index;
            }
            self.slots.push(None);
            return self.slots.len() - 1;
        }
        let used = self.slots.iter().enumerate().filter_map(|(i, s)| Some((s.as_ref()?.used, i)));
        let index = used.min().map_or(0, |(_, index)| index);
        self.remove(index);
        index
    }

    /// Puts a flow at an index that [`Self::room`] answered.
    pub(super) fn put(&mut self, index: usize, key: K, flow: F, now: Instant) {
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(Slot { key, flow, used: now });
            self.index_of.insert(key, index);
        }
    }

    pub(super) fn remove(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index).and_then(Option::take) {
            self.index_of.remove(&slot.key);
        }
    }

    /// Gives up every flow that was quiet for `idle`.
    pub(super) fn sweep(&mut self, idle: Duration, now: Instant) {
        for index in 0..self.slots.len() {
            let slot = self.slots.get(index).and_then(Option::as_ref);
            if slot.is_some_and(|slot| now.saturating_duration_since(slot.used) >= idle) {
                self.remove(index);
            }
        }
    }

    /// Gives up every flow; answers how many of them are `over` for good.
    pub(super) fn clear(&mut self, over: impl Fn(&K, &F) -> bool) -> usize {
        let count = self.slots.iter().flatten().filter(|slot| over(&slot.key, &slot.flow)).count();
        self.slots.clear();
        self.index_of.clear();
        count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.index_of.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_flow_makes_room_and_its_index_is_reused() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut flows = Flows::new(2);
        for (second, key) in [(0, 'a'), (1, 'b')] {
            let index = flows.room();
            flows.put(index, key, key.to_string(), at(second));
        }
        assert_eq!(flows.find(&'a', at(2)).map(|(index, _)| index), Some(0));
        let index = flows.room();
        assert_eq!(index, 1);
        flows.put(index, 'c', "c".to_owned(), at(3));
        assert!(flows.find(&'b', at(3)).is_none());
        assert_eq!(flows.at(1, at(3)).map(|(key, _)| *key), Some('c'));
        assert!(flows.find(&'a', at(3)).is_some());
    }

    #[test]
    fn quiet_flows_end() {
        let start = Instant::now();
        let mut flows = Flows::new(2);
        let index = flows.room();
        flows.put(index, 'a', (), start);
        flows.sweep(Duration::from_mins(1), start + Duration::from_secs(59));
        assert!(!flows.is_empty());
        flows.sweep(Duration::from_mins(1), start + Duration::from_mins(1));
        assert!(flows.is_empty());
    }
}
