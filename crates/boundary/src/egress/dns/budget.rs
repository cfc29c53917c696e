//! How much may leave through names.
//!
//! A looked-up name travels to a nameserver of somebody else's choice, so every name below a
//! wildcard grant carries data out. That cannot be prevented without refusing the grant, but it is
//! bounded: new lookups per second, distinct names per hour, and the length of what stands before
//! the granted suffix. At the defaults at most 1000 names of 80 bytes an hour get out. The order and
//! time of lookups of granted names carries some more; nothing here counts that.

use ringfence_policy::model::Network;
use ringfence_policy::net::{HostName, HostPattern};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Bounds of the resolver.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lookups per second that are sent to a nameserver.
    pub rate: u32,
    /// Lookups that may be sent at once after a pause.
    pub burst: u32,
    /// Distinct names below wildcard grants in an hour.
    pub wildcard_names: usize,
    /// Bytes of a name before the suffix of its wildcard grant.
    pub wildcard_length: usize,
    /// Lookups under way.
    pub lookups: usize,
    /// Clients waiting for one lookup.
    pub waiters: usize,
    /// Answers kept.
    pub cached: usize,
    /// TCP connections of clients.
    pub connections: usize,
    /// How long one lookup may take in all.
    pub deadline: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rate: 200,
            burst: 400,
            wildcard_names: 1000,
            wildcard_length: 80,
            lookups: 256,
            waiters: 32,
            cached: 1024,
            connections: 16,
            deadline: Duration::from_secs(12),
        }
    }
}

/// Why a lookup is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    /// Too many lookups under way.
    Lookups,
    /// Too many lookups a second.
    Rate,
    /// Too many distinct names below wildcard grants.
    Names,
    /// Too much before the suffix.
    Length,
}

/// What is left of the bounds.
#[derive(Debug)]
pub(super) struct Budget {
    bounds: Bounds,
    tokens: f64,
    filled: Instant,
    hour: Instant,
    names: HashSet<u64>,
    hasher: RandomState,
}

/// Names below wildcard grants are counted for this long.
const HOUR: Duration = Duration::from_hours(1);

impl Budget {
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        let tokens = bounds.burst.into();
        let hasher = RandomState::new();
        Self { bounds, tokens, filled: now, hour: now, names: HashSet::new(), hasher }
    }

    /// Takes one lookup of a granted name.
    ///
    /// # Errors
    /// A bound is reached; nothing was taken then.
    pub(super) fn take(
        &mut self,
        network: &Network,
        name: &HostName,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let before = wildcard_length(network, name);
        if before.is_some_and(|length| length > self.bounds.wildcard_length) {
            return Err(Exceeded::Length);
        }
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        let full = f64::from(self.bounds.burst);
        self.tokens = (self.tokens + passed * f64::from(self.bounds.rate)).min(full);
        self.filled = now;
        if self.tokens < 1.0 {
            return Err(Exceeded::Rate);
        }
        if before.is_some() {
            if now.saturating_duration_since(self.hour) >= HOUR {
                self.hour = now;
                self.names.clear();
            }
            let key = self.hasher.hash_one(name);
            if !self.names.contains(&key) {
                if self.names.len() >= self.bounds.wildcard_names {
                    return Err(Exceeded::Names);
                }
                self.names.insert(key);
            }
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

/// Bytes before the longest granted suffix, when no grant names the host exactly.
fn wildcard_length(network: &Network, name: &HostName) -> Option<usize> {
    let mut shortest = None;
    for grant in network.connect.iter().chain(&network.udp) {
        match &grant.value.host {
            HostPattern::Name(granted) if granted == name => return None,
            HostPattern::Suffix(suffix) if name.is_below(suffix) => {
                let before = name.as_str().len() - suffix.as_str().len() - 1;
                shortest = Some(shortest.map_or(before, |known: usize| known.min(before)));
            }
            _ => {}
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::net::{Endpoint, PortRange};
    use ringfence_policy::source::Located;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn network() -> Network {
        let ports = PortRange { first: 443, last: 443 };
        let grant = |host| Located::new(Endpoint { host, ports }, 0..0);
        Network {
            connect: vec![
                grant(HostPattern::Suffix(name("example.com"))),
                grant(HostPattern::Suffix(name("deep.example.com"))),
                grant(HostPattern::Name(name("www.example.com"))),
            ],
            ..Network::default()
        }
    }

    #[test]
    fn lookups_are_limited_and_come_back_with_time() {
        let start = Instant::now();
        let bounds = Bounds { rate: 2, burst: 3, ..Bounds::default() };
        let mut budget = Budget::new(bounds, start);
        let network = network();
        let mut take = |now| budget.take(&network, &name("www.example.com"), now);
        for _ in 0..3 {
            assert_eq!(take(start), Ok(()));
        }
        assert_eq!(take(start), Err(Exceeded::Rate));
        assert_eq!(take(start + Duration::from_millis(400)), Err(Exceeded::Rate));
        assert_eq!(take(start + Duration::from_millis(600)), Ok(()));
        assert_eq!(take(start + Duration::from_millis(700)), Err(Exceeded::Rate));
    }

    #[test]
    fn distinct_names_below_a_wildcard_are_limited_by_the_hour_and_exact_grants_are_not() {
        let start = Instant::now();
        let bounds = Bounds { wildcard_names: 2, ..Bounds::default() };
        let mut budget = Budget::new(bounds, start);
        let network = network();
        let mut take = |text: &str, now| budget.take(&network, &name(text), now);
        assert_eq!(take("a.example.com", start), Ok(()));
        assert_eq!(take("b.example.com", start), Ok(()));
        assert_eq!(take("c.example.com", start), Err(Exceeded::Names));
        assert_eq!(take("a.example.com", start), Ok(()));
        assert_eq!(take("www.example.com", start), Ok(()));
        assert_eq!(take("c.example.com", start + HOUR), Ok(()));
    }

    #[test]
    fn what_stands_before_a_granted_suffix_is_bounded() {
        let start = Instant::now();
        let bounds = Bounds { wildcard_length: 10, ..Bounds::default() };
        let mut budget = Budget::new(bounds, start);
        let network = network();
        let mut take = |text: &str| budget.take(&network, &name(text), start);
        assert_eq!(take("0123456789.example.com"), Ok(()));
        assert_eq!(take("0123456789a.example.com"), Err(Exceeded::Length));
        assert_eq!(take("0123456789.deep.example.com"), Ok(()));
        assert_eq!(take("012345.6789.example.com"), Err(Exceeded::Length));
    }
}
