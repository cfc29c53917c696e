//! What was accepted before.

use super::WebhookError;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A store of what was accepted: in this process, or one that several share.
pub trait Seen {
    /// Remembers `id` until a time and says whether it is the first: both in one step, so that two
    /// receivers cannot both be first (in Redis `SET id 1 NX EXAT until`, in SQL an insert that a
    /// unique key refuses). Times are seconds since 1970; an id has at most 300 visible characters.
    ///
    /// # Errors
    /// [`WebhookError::Store`].
    fn first(&self, id: &str, until: u64, now: u64) -> Result<bool, WebhookError>;
}

/// A store in the memory of this process.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    until: Mutex<HashMap<String, u64>>,
}

impl Memory {
    /// A store of at most so many; when it is full of those that still count, nothing more is
    /// accepted, because forgetting one would let it be replayed.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, until: Mutex::default() }
    }
}

impl Seen for Memory {
    fn first(&self, id: &str, until: u64, now: u64) -> Result<bool, WebhookError> {
        let mut known = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(id).is_some_and(|end| *end > now) {
            return Ok(false);
        }
        if known.len() >= self.most {
            known.retain(|_, end| *end > now);
        }
        if known.len() >= self.most {
            return Err(WebhookError::Store);
        }
        known.insert(id.to_owned(), until);
        Ok(true)
    }
}
