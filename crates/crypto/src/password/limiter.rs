//! Attempts by key: a bucket for each account or address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many attempts a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// At once, from 1.
    pub burst: u32,
    /// Time until one attempt comes back.
    pub refill: Duration,
    /// Keys that are remembered at most. When all are in use, the eighth that has recovered most is
    /// forgotten: an attacker with many keys frees the others' limits, and never this process's memory.
    pub keys: usize,
}

impl Default for Attempts {
    /// Five at once, one more every 30 s, for 100,000 keys.
    fn default() -> Self {
        Self { burst: 5, refill: Duration::from_secs(30), keys: 100_000 }
    }
}

/// Counts attempts.
#[derive(Debug)]
pub struct Limiter {
    attempts: Attempts,
    /// When each key will be full again.
    full_at: Mutex<HashMap<String, Instant>>,
}

impl Limiter {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(attempts: Attempts) -> Self {
        Self { attempts, full_at: Mutex::default() }
    }

    /// Counts an attempt of `key` at `now`; the error is the time until the next one is let through.
    ///
    /// # Errors
    /// There is no attempt left.
    pub fn attempt(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let refill = self.attempts.refill;
        let window = refill.saturating_mul(self.attempts.burst.max(1));
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let used =
            full_at.get(key).map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        let after = used.saturating_add(refill);
        let missing = after.saturating_sub(window);
        if !missing.is_zero() {
            return Err(missing);
        }
        if full_at.len() >= self.attempts.keys && !full_at.contains_key(key) {
            make_room(&mut full_at, self.attempts.keys, now);
        }
        full_at.insert(key.to_owned(), now + after);
        Ok(())
    }

    /// Forgets the attempts of `key`: after a login that succeeded.
    pub fn forgive(&self, key: &str) {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Forgets who has recovered, and of the others who has recovered most. It frees an eighth at a time,
/// so that a flood of keys does not look at all of them at every one.
fn make_room(full_at: &mut HashMap<String, Instant>, keys: usize, now: Instant) {
    full_at.retain(|_, full| *full > now);
    let most = keys - keys.div_ceil(8).min(keys);
    if full_at.len() > most {
        let mut times: Vec<Instant> = full_at.values().copied().collect();
        let last = times.len() - most - 1;
        let (_, last, _) = times.select_nth_unstable(last);
        let last = *last;
        full_at.retain(|_, full| *full > last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Attempts = Attempts { burst: 3, refill: Duration::from_secs(10), keys: 2 };

    #[test]
    fn a_key_has_its_burst_and_gets_one_back_after_each_interval() {
        let (limiter, start) = (Limiter::new(FEW), Instant::now());
        for _ in 0..3 {
            limiter.attempt("alice", start).unwrap();
        }
        assert_eq!(limiter.attempt("alice", start), Err(Duration::from_secs(10)));
        limiter.attempt("bob", start).unwrap();
        let later = start + Duration::from_secs(10);
        limiter.attempt("alice", later).unwrap();
        limiter.attempt("alice", later).unwrap_err();
        limiter.forgive("alice");
        limiter.attempt("alice", later).unwrap();
    }

    #[test]
    fn many_keys_take_no_more_room_than_was_given() {
        let (limiter, start) = (Limiter::new(FEW), Instant::now());
        for key in 0..100 {
            limiter.attempt(&key.to_string(), start).unwrap();
        }
        assert!((1..=2).contains(&limiter.full_at.lock().unwrap().len()));
    }

    #[test]
    fn who_has_recovered_most_is_forgotten_and_who_has_not_is_still_limited() {
        let attempts = Attempts { keys: 16, ..FEW };
        let (limiter, start) = (Limiter::new(attempts), Instant::now());
        for _ in 0..3 {
            limiter.attempt("alice", start).unwrap();
        }
        for key in 0..15 {
            limiter.attempt(&key.to_string(), start + Duration::from_millis(key)).unwrap();
        }
        limiter.attempt("one more", start).unwrap();
        assert_eq!(limiter.full_at.lock().unwrap().len(), 15);
        limiter.attempt("alice", start).unwrap_err();
    }
}
