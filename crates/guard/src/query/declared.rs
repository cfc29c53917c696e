//! What a receiver expects in a query.

use super::pairs::{self, Brackets};
use super::{Query, QueryError};
use crate::event::Watch;
use crate::merge::is_prototype_name;
use std::collections::BTreeMap;

/// What a `+` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plus {
    /// A space, as forms send it (WHATWG URL, `application/x-www-form-urlencoded`).
    #[default]
    Space,
    /// Refused: readers differ.
    Refused,
}

/// How a key may be there.
#[derive(Debug, Clone, Copy)]
struct Key {
    most: usize,
    longest: usize,
    array: bool,
}

/// Keys that are expected.
///
/// ```
/// use ringfence_guard::query::Declared;
///
/// let declared = Declared::new().single("page", 10).repeated("tag", 5, 20);
/// let query = declared.read("page=2&tag=new&tag=in%20stock")?;
/// assert_eq!(query.integer("page", 1..=1000)?, Some(2));
/// assert_eq!(query.all("tag"), ["new", "in stock"]);
/// assert!(declared.read("page=2&page=3").is_err());
/// assert!(declared.read("page[$gt]=0").is_err());
/// # Ok::<(), ringfence_guard::query::QueryError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Declared {
    keys: BTreeMap<String, Key>,
    bytes: usize,
    pairs: usize,
    plus: Plus,
    ignored: bool,
    strict: bool,
    watch: Watch,
}

impl Default for Declared {
    fn default() -> Self {
        Self::new()
    }
}

impl Declared {
    /// No keys; at most 8 KiB and 100 pairs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            bytes: 8192,
            pairs: 100,
            plus: Plus::Space,
            ignored: false,
            strict: false,
            watch: Watch::nobody(),
        }
    }

    /// A key with one value of at most `longest` bytes.
    #[must_use]
    pub fn single(self, key: &str, longest: usize) -> Self {
        self.with(key, Key { most: 1, longest, array: false })
    }

    /// A key that may be repeated up to `most` times.
    #[must_use]
    pub fn repeated(self, key: &str, most: usize, longest: usize) -> Self {
        self.with(key, Key { most, longest, array: false })
    }

    /// A key that is sent as `key[]`, or as `key[0]`, `key[1]` and so on without holes and in order.
    #[must_use]
    pub fn array(self, key: &str, most: usize, longest: usize) -> Self {
        self.with(key, Key { most, longest, array: true })
    }

    /// At most so many bytes and pairs, instead of 8192 and 100.
    #[must_use]
    pub const fn with_limits(mut self, bytes: usize, pairs: usize) -> Self {
        (self.bytes, self.pairs) = (bytes, pairs);
        self
    }

    /// What a `+` is.
    #[must_use]
    pub const fn with_plus(mut self, plus: Plus) -> Self {
        self.plus = plus;
        self
    }

    /// Keys that are not declared are left out instead of refused; names of prototypes and brackets
    /// are refused all the same.
    #[must_use]
    pub const fn ignoring_others(mut self) -> Self {
        self.ignored = true;
        self
    }

    /// What is escaped twice is refused instead of told.
    #[must_use]
    pub const fn refusing_escaped_twice(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Tells refusals to somebody.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Reads what stands after the `?` of a URL.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn read(&self, query: &str) -> Result<Query, QueryError> {
        let read = self.checked(query);
        if let Err(error) = &read {
            self.watch.tell(|| error.refusal(query));
        }
        read
    }

    fn with(mut self, key: &str, how: Key) -> Self {
        self.keys.insert(key.to_owned(), how);
        self
    }

    fn checked(&self, query: &str) -> Result<Query, QueryError> {
        if query.len() > self.bytes {
            return Err(QueryError::TooLong(self.bytes));
        }
        pairs::check_raw(query, self.plus)?;
        let mut read = Query::default();
        let mut forms: BTreeMap<String, Brackets> = BTreeMap::new();
        for (count, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= self.pairs {
                return Err(QueryError::TooMany(self.pairs));
            }
            let (name, value) = pairs::split(pair)?;
            let (name, brackets) = pairs::brackets(&name)?;
            if is_prototype_name(name) {
                return Err(QueryError::Prototype);
            }
            let Some(how) = self.keys.get(name) else {
                // An undeclared key with brackets was never meant as a plain one.
                match (self.ignored, brackets) {
                    (_, Brackets::Empty | Brackets::Index(_)) => return Err(QueryError::Brackets),
                    (true, Brackets::None) => continue,
                    (false, Brackets::None) => return Err(QueryError::Unknown),
                }
            };
            self.take(&mut read, &mut forms, (name, *how), brackets, value)?;
        }
        Ok(read)
    }

    /// Takes one value of a declared key.
    fn take(
        &self,
        read: &mut Query,
        forms: &mut BTreeMap<String, Brackets>,
        (name, how): (&str, Key),
        brackets: Brackets,
        value: String,
    ) -> Result<(), QueryError> {
        let key = || name.to_owned();
        let known = read.values.entry(key()).or_default();
        let first = *forms.entry(key()).or_insert(brackets);
        let fits = match (brackets, first) {
            (Brackets::None, Brackets::None) => !how.array,
            (Brackets::Empty, Brackets::Empty) => how.array,
            (Brackets::Index(index), Brackets::Index(0)) => how.array && index == known.len(),
            _ => false,
        };
        if !fits {
            return Err(QueryError::Brackets);
        }
        if known.len() >= how.most {
            return Err(QueryError::Repeated { key: key(), most: how.most });
        }
        if value.len() > how.longest {
            return Err(QueryError::ValueLength { key: key(), longest: how.longest });
        }
        if pairs::is_still_escaped(&value) {
            if self.strict {
                return Err(QueryError::Twice { key: key() });
            }
            if !read.twice.iter().any(|known| known == name) {
                read.twice.push(key());
            }
        }
        known.push(value);
        Ok(())
    }
}
