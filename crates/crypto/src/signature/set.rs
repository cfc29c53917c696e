//! The keys a verifier trusts, each with the time in which it does.

use super::{SignatureError, VerifyingKey};

/// When a key verifies, in seconds since 1970: from the first, before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Not before; `None` is always.
    pub from: Option<u64>,
    /// Not from here on; `None` is for ever.
    pub until: Option<u64>,
}

impl Window {
    /// Whether it is open at `now`.
    #[must_use]
    pub fn is_open(&self, now: u64) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// Keys by name.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<(VerifyingKey, Window)>,
}

impl KeySet {
    /// No keys: nothing verifies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`SignatureError::Key`] when the name is there: two keys of one name could be confused.
    pub fn add(&mut self, key: VerifyingKey, window: Window) -> Result<(), SignatureError> {
        if self.keys.iter().any(|(known, _)| known.kid() == key.kid()) {
            return Err(SignatureError::Key("its kid is there already"));
        }
        self.keys.push((key, window));
        Ok(())
    }

    /// Adds the keys of another set, each in its window.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn merge(&mut self, other: Self) -> Result<(), SignatureError> {
        other.keys.into_iter().try_for_each(|(key, window)| self.add(key, window))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys whose window is open at a time.
    pub(crate) fn open_at(&self, now: u64) -> impl Iterator<Item = &VerifyingKey> {
        let open = self.keys.iter().filter(move |(_, window)| window.is_open(now));
        open.map(|(key, _)| key)
    }

    /// The key of a name at a time; without a name the only key there is.
    pub(super) fn find(
        &self,
        kid: Option<&str>,
        now: u64,
    ) -> Result<&VerifyingKey, SignatureError> {
        let found = match (kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|(key, _)| key.kid() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let (key, window) = found.ok_or(SignatureError::UnknownKey)?;
        if window.is_open(now) { Ok(key) } else { Err(SignatureError::OutsideWindow) }
    }
}
