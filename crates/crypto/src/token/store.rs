//! What a server keeps of its tokens.

use super::{Locator, ServerKey, Token, TokenError};
use crate::text::fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A name for people and logs: never the token.
    pub id: String,
    /// Its prefix.
    pub prefix: String,
    /// Whom or what it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Seconds since 1970.
    pub issued: u64,
    /// Seconds since 1970 from which it is refused; `None` never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Seconds since 1970 at which it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
}

/// How a presented token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is accepted.
    Valid(&'a Entry),
    /// It was accepted until its time was over.
    Expired(&'a Entry),
    /// It was revoked.
    Revoked(&'a Entry),
    /// It was never issued, or under another key.
    Unknown,
}

/// The table of a server, by locator. It holds no token, so it may be written down as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Version of the form: 1.
    schema: u32,
    tokens: BTreeMap<String, Entry>,
}

impl Store {
    /// Version of the form.
    const SCHEMA: u32 = 1;

    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { schema: Self::SCHEMA, tokens: BTreeMap::new() }
    }

    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let store: Self = serde_json::from_str(text).map_err(|error| fault(&error))?;
        if store.schema != Self::SCHEMA {
            return Err(format!("schema {} is not known: 1 is", store.schema));
        }
        match store.tokens.keys().find(|locator| Locator::from_hex(locator).is_none()) {
            Some(_) => Err("a key of `tokens` is not 64 hexadecimal digits".to_owned()),
            None => Ok(store),
        }
    }

    /// The table as JSON, sorted.
    ///
    /// # Errors
    /// Never for a table of this type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Issues a token; it is returned here and nowhere else.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn issue(
        &mut self,
        key: &ServerKey,
        prefix: &str,
        note: &str,
        now: u64,
        expires: Option<u64>,
    ) -> Result<(Token, Entry), TokenError> {
        let token = Token::issue(prefix)?;
        let entry = Entry {
            id: crate::random::uuid_v7()?.to_string(),
            prefix: prefix.to_owned(),
            note: note.to_owned(),
            issued: now,
            expires,
            revoked: None,
        };
        self.tokens.insert(key.locate(&token).to_hex(), entry.clone());
        Ok((token, entry))
    }

    /// How a presented token stands at `now`. Revoked outranks expired.
    #[must_use]
    pub fn look_up(&self, key: &ServerKey, token: &Token, now: u64) -> Standing<'_> {
        match self.tokens.get(&key.locate(token).to_hex()) {
            None => Standing::Unknown,
            Some(entry) if entry.revoked.is_some() => Standing::Revoked(entry),
            Some(entry) if entry.expires.is_some_and(|end| end <= now) => Standing::Expired(entry),
            Some(entry) => Standing::Valid(entry),
        }
    }

    /// Revokes by id, once; the entry as it is then, `None` when there is no such id.
    pub fn revoke(&mut self, id: &str, now: u64) -> Option<&Entry> {
        let entry = self.tokens.values_mut().find(|entry| entry.id == id)?;
        entry.revoked.get_or_insert(now);
        Some(entry)
    }

    /// All entries, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.tokens.values().collect();
        entries.sort_by(|a, b| (a.issued, &a.id).cmp(&(b.issued, &b.id)));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_token_is_valid_until_it_expires_or_is_revoked() {
        let key = ServerKey::new(&Secret::new(vec![7; 32])).unwrap();
        let mut store = Store::new();
        let (token, entry) = store.issue(&key, "orders", "the shop", 100, Some(200)).unwrap();
        assert_eq!(store.look_up(&key, &token, 199), Standing::Valid(&entry));
        assert_eq!(store.look_up(&key, &token, 200), Standing::Expired(&entry));
        let other = ServerKey::new(&Secret::new(vec![8; 32])).unwrap();
        assert_eq!(store.look_up(&other, &token, 150), Standing::Unknown);
        assert!(store.revoke(&entry.id, 150).is_some());
        assert_eq!(store.revoke("nobody", 150), None);
        assert!(matches!(store.look_up(&key, &token, 160), Standing::Revoked(_)));
        assert_eq!(store.revoke(&entry.id, 170).unwrap().revoked, Some(150), "the first counts");
    }

    #[test]
    fn the_table_holds_no_token_and_is_read_as_it_was_written() {
        let key = ServerKey::new(&Secret::new(vec![7; 32])).unwrap();
        let mut store = Store::new();
        let (token, _) = store.issue(&key, "orders", "", 100, None).unwrap();
        let text = store.to_json().unwrap();
        assert!(!text.contains(&token.expose()[7..]));
        assert_eq!(Store::from_json(&text).unwrap(), store);
        for broken in ["", "{}", r#"{"schema":2,"tokens":{}}"#, r#"{"schema":1,"tokens":{"x":{}}}"#]
        {
            Store::from_json(broken).unwrap_err();
        }
        // Whoever confuses two files may have given another secret.
        for other in [r#""hunter2""#, "77712345", r#"{"hunter2":1}"#, r#"{"schema":"hunter2"}"#] {
            let error = Store::from_json(other).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("777"), "{error}");
        }
    }
}
