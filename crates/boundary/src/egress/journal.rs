//! Events of the network loop, few enough to be read.
//!
//! A service that asks for a name asks twice (for both families) and then again, and a hostile one
//! asks for thousands. The same denial is told once in [`QUIET`], and all together are limited; the
//! next one that is told says how many were not.

use super::shared::{Shared, event};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::net::Refusal;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The same denial is not told again for this long.
const QUIET: Duration = Duration::from_secs(5);
/// Denials remembered for that.
const REMEMBERED: usize = 64;
/// Events told a second, and at once after a pause.
const RATE: f64 = 20.0;
const BURST: f64 = 100.0;

/// Tells events.
#[derive(Debug)]
pub(super) struct Journal {
    shared: Arc<Shared>,
    hasher: RandomState,
    recent: Vec<(u64, Instant)>,
    tokens: f64,
    filled: Instant,
    untold: u64,
}

impl Journal {
    pub(super) fn new(shared: Arc<Shared>, now: Instant) -> Self {
        let hasher = RandomState::new();
        Self { shared, hasher, recent: Vec::new(), tokens: BURST, filled: now, untold: 0 }
    }

    /// An access was refused.
    pub(super) fn denied(
        &mut self,
        action: Action,
        resource: &str,
        refusal: Refusal,
        now: Instant,
    ) {
        let key = self.hasher.hash_one((action as u8, resource, &refusal.reason));
        self.tell(key, action, resource, refusal, now);
    }

    /// An access was refused because a bound is reached: one resource stands for all.
    pub(super) fn limited(
        &mut self,
        action: Action,
        resource: &str,
        refusal: Refusal,
        now: Instant,
    ) {
        let key = self.hasher.hash_one((action as u8, &refusal.reason));
        self.tell(key, action, resource, refusal, now);
    }

    /// An event that says all of itself, limited like the others.
    pub(super) fn told(&mut self, event: Event, now: Instant) {
        let key = (event.action as u8, &event.resource, &event.permission, event.pid);
        let key = self.hasher.hash_one(key);
        self.emit(key, event, now);
    }

    fn tell(&mut self, key: u64, action: Action, resource: &str, refusal: Refusal, now: Instant) {
        self.emit(key, event(Kind::Denial, action, resource).refused(refusal), now);
    }

    fn emit(&mut self, key: u64, mut told: Event, now: Instant) {
        if self.is_repeated(key, now) {
            return;
        }
        if !self.take(now) {
            self.untold += 1;
            return;
        }
        if self.untold > 0 {
            let _ = write!(told.reason, " ({} other denials were not told)", self.untold);
            self.untold = 0;
        }
        self.shared.events.emit(told);
    }

    /// A name was answered with these addresses; an event only in an audit.
    pub(super) fn answered(&mut self, name: &str, addresses: &[IpAddr], now: Instant) {
        if !self.shared.audit || !self.take(now) {
            return;
        }
        let mut told = event(Kind::Allowed, Action::Resolve, name);
        told.addresses = addresses.iter().map(ToString::to_string).collect();
        self.shared.events.emit(told);
    }

    /// A datagram flow was opened; an event only in an audit.
    pub(super) fn allowed(&mut self, action: Action, resource: &str, now: Instant) {
        if self.shared.audit && self.take(now) {
            self.shared.events.emit(event(Kind::Allowed, action, resource));
        }
    }

    fn is_repeated(&mut self, key: u64, now: Instant) -> bool {
        let quiet = |told: &Instant| now.saturating_duration_since(*told) < QUIET;
        if self.recent.iter().any(|(known, told)| *known == key && quiet(told)) {
            return true;
        }
        if self.recent.len() >= REMEMBERED {
            self.recent.remove(0);
        }
        self.recent.push((key, now));
        false
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * RATE).min(BURST);
        self.filled = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{recorded, shared};
    use super::*;

    fn refusal(reason: &str) -> Refusal {
        Refusal { reason: reason.to_owned(), missing_grant: None }
    }

    #[test]
    fn the_same_denial_is_told_once_and_again_later() {
        let (shared, events) = shared("");
        let now = Instant::now();
        let mut journal = Journal::new(shared, now);
        for later in [0, 1, 4, 5] {
            let now = now + Duration::from_secs(later);
            journal.denied(Action::Resolve, "a.test", refusal("no"), now);
            journal.denied(Action::Resolve, "b.test", refusal("no"), now);
        }
        let told: Vec<String> = recorded(&events).into_iter().map(|e| e.resource).collect();
        assert_eq!(told, ["a.test", "b.test", "a.test", "b.test"]);
    }

    #[test]
    fn a_bound_is_told_once_whatever_it_stopped() {
        let (shared, events) = shared("");
        let now = Instant::now();
        let mut journal = Journal::new(shared, now);
        for name in ["a.test", "b.test"] {
            journal.limited(Action::Resolve, name, refusal("too many"), now);
        }
        assert_eq!(recorded(&events).len(), 1);
    }

    #[test]
    fn a_flood_of_denials_is_cut_and_counted() {
        let (shared, events) = shared("");
        let now = Instant::now();
        let mut journal = Journal::new(shared, now);
        for number in 0..1000 {
            journal.denied(Action::Resolve, &format!("{number}.test"), refusal("no"), now);
        }
        assert_eq!(recorded(&events).len(), 100);
        let later = now + Duration::from_secs(1);
        journal.denied(Action::Resolve, "last.test", refusal("no"), later);
        let last = recorded(&events).pop().unwrap();
        assert_eq!(last.reason, "no (900 other denials were not told)");
    }
}
