//! Answers kept for their time to live.
//!
//! What is kept are real addresses that the policy has accepted already, so an answer from here is
//! the same decision as the first one. Nothing is kept for longer than [`LONGEST_TTL`]: a boundary
//! that is narrowed, or a name that moves, takes effect within that time.

use ringfence_policy::net::HostName;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Longest time to live that is kept and told to the service, in seconds.
pub(super) const LONGEST_TTL: u32 = 30;
/// How long a name that does not exist stays so.
const NEGATIVE: Duration = Duration::from_secs(2);

/// What is known about a name and record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// The addresses, and the granted name they belong to.
    Addresses(HostName, Vec<IpAddr>),
    /// The name exists, but has no address of this family.
    NoData,
    /// No such name.
    NoName,
}

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    entries: HashMap<(HostName, u16), (Known, Instant)>,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new() }
    }

    /// What is known, and for how many seconds more.
    pub(super) fn find(&self, name: &HostName, kind: u16, now: Instant) -> Option<(&Known, u32)> {
        // The key is owned; a borrowed pair would need a map of maps.
        let (known, until) = self.entries.get(&(name.clone(), kind))?;
        let left = until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some((known, u32::try_from(left.as_secs()).unwrap_or(LONGEST_TTL)))
    }

    /// Keeps an answer; `ttl` is in seconds and counts for addresses only.
    pub(super) fn keep(&mut self, name: HostName, kind: u16, known: Known, ttl: u32, now: Instant) {
        let lives = match known {
            Known::Addresses(..) => Duration::from_secs(ttl.min(LONGEST_TTL).into()),
            Known::NoData | Known::NoName => NEGATIVE,
        };
        if lives.is_zero() || self.most == 0 {
            return;
        }
        if self.entries.len() >= self.most {
            self.entries.retain(|_, (_, until)| *until > now);
        }
        if self.entries.len() >= self.most
            && let Some(next) =
                self.entries.iter().min_by_key(|(_, (_, until))| *until).map(|(key, _)| key.clone())
        {
            self.entries.remove(&next);
        }
        self.entries.insert((name, kind), (known, now + lives));
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    #[test]
    fn answers_live_as_long_as_they_say_and_never_longer_than_the_cap() {
        let now = Instant::now();
        let mut cache = Cache::new(8);
        let known = Known::Addresses(name("a.test"), vec!["192.0.2.1".parse().unwrap()]);
        cache.keep(name("a.test"), 1, known.clone(), 5, now);
        cache.keep(name("b.test"), 1, known.clone(), 86400, now);
        cache.keep(name("c.test"), 1, known.clone(), 0, now);
        cache.keep(name("d.test"), 1, Known::NoName, 86400, now);
        let at = |host, seconds| {
            let found = cache.find(&name(host), 1, now + Duration::from_secs(seconds))?;
            Some((found.0.clone(), found.1))
        };
        assert_eq!(at("a.test", 0), Some((known.clone(), 5)));
        assert_eq!(at("a.test", 5), None);
        assert_eq!(at("b.test", 29), Some((known, 1)));
        assert_eq!(at("b.test", 30), None);
        assert_eq!(at("c.test", 0), None);
        assert_eq!(at("d.test", 1).map(|found| found.0), Some(Known::NoName));
        assert_eq!(at("d.test", 2), None);
        assert_eq!(cache.find(&name("a.test"), 28, now), None);
    }

    #[test]
    fn the_cache_never_holds_more_than_its_bound() {
        let now = Instant::now();
        let mut cache = Cache::new(2);
        for (host, ttl) in [("a.test", 20), ("b.test", 10), ("c.test", 30)] {
            let known = Known::Addresses(name(host), Vec::new());
            cache.keep(name(host), 1, known, ttl, now);
        }
        assert_eq!(cache.entries.len(), 2);
        assert!(cache.find(&name("b.test"), 1, now).is_none());
        assert!(cache.find(&name("c.test"), 1, now).is_some());
    }
}
