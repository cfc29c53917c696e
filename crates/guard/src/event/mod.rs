//! What a guard refused, told to whoever the caller put there to listen.
//!
//! A refusal is an event with its rule, its size and a masked sample: enough to see an attack or a
//! broken client, and nothing that could be a secret. There is no global listener: a guard tells the
//! [`Watch`] it was given, and by default nobody. An event is told by the service about itself, so it
//! is no evidence against hostile code in it.

mod sample;

pub use sample::{SAMPLED, mask};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Version of the line format: that of the events of a boundary.
const VERSION: u32 = 1;
/// Longest text of a source in characters.
const LONGEST_SOURCE: usize = 128;

/// Which guard refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An archive or one of its entries.
    Archive,
    /// A header, or the headers of a request together.
    Header,
    /// An identifier.
    Identifier,
    /// A JSON text.
    Json,
    /// A merge of one JSON value into another.
    Merge,
    /// A path.
    Path,
    /// A query string.
    Query,
    /// A program to start, or its arguments.
    Spawn,
    /// An uploaded file.
    Upload,
    /// An outbound URL, or an address it leads to.
    Url,
    /// A webhook.
    Webhook,
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    kind: Kind,
    rule: &'static str,
    size: u64,
    sample: String,
    source: String,
}

impl Refusal {
    /// What `kind` refused by `rule` (a stable name in kebab case): only the length and a masked
    /// sample of `input` are kept.
    #[must_use]
    pub fn new(kind: Kind, rule: &'static str, input: &[u8]) -> Self {
        let size = u64::try_from(input.len()).unwrap_or(u64::MAX);
        Self { kind, rule, size, sample: mask(input), source: String::new() }
    }

    /// The size in bytes where more was announced or read than is at hand.
    #[must_use]
    pub const fn with_size(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    /// Where it came from, such as the client's address or a route: shown as it is but for what could
    /// mislead a terminal, so it must not be a secret. At most 128 characters are kept.
    #[must_use]
    pub fn from_source(mut self, source: &str) -> Self {
        self.source = sample::plain(source, LONGEST_SOURCE);
        self
    }

    /// Which guard refused.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its rule, in kebab case.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule
    }

    /// Bytes of what was refused.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its first bytes with every word masked, in printable ASCII.
    #[must_use]
    pub fn sample(&self) -> &str {
        &self.sample
    }

    /// Where it came from, in printable ASCII; empty when nobody said.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// One line of JSON without the line break, in the vocabulary of the events of a boundary: `time`
    /// is RFC 3339 in UTC, `service` the name in the boundary file. It says `told_by_service`.
    #[must_use]
    pub fn to_json_line(&self, time: &str, service: &str) -> String {
        let (time, service) = (sample::plain(time, 64), sample::plain(service, LONGEST_SOURCE));
        let line = Line {
            v: VERSION,
            time: &time,
            service: &service,
            kind: "denial",
            layer: "guard",
            action: self.kind,
            resource: &self.source,
            reason: self.rule,
            size: self.size,
            sample: &self.sample,
            told_by_service: true,
        };
        // Strings and numbers into memory: it cannot fail.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// The order of the fields is that of the other events.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    time: &'a str,
    service: &'a str,
    kind: &'a str,
    layer: &'a str,
    action: Kind,
    resource: &'a str,
    reason: &'a str,
    size: u64,
    sample: &'a str,
    told_by_service: bool,
}

/// Somebody who is told of refusals. A closure is one.
pub trait Observer: Send + Sync {
    /// Called once for each refusal, on the thread that refused: it must not wait.
    fn refused(&self, refusal: &Refusal);
}

impl<F: Fn(&Refusal) + Send + Sync> Observer for F {
    fn refused(&self, refusal: &Refusal) {
        self(refusal);
    }
}

/// The observer that a guard was given; by default there is none.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Observer>>);

impl Watch {
    /// Tells this observer.
    ///
    /// ```
    /// use ringfence_guard::event::{Kind, Refusal, Watch};
    ///
    /// let watch = Watch::by(|refusal: &Refusal| assert_eq!(refusal.rule(), "too-long"));
    /// watch.tell(|| Refusal::new(Kind::Json, "too-long", b"{\"password\": \"hunter2\"}"));
    /// ```
    #[must_use]
    pub fn by(observer: impl Observer + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Tells nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(None)
    }

    /// Tells of a refusal, which is made only when somebody listens.
    pub fn tell(&self, refusal: impl FnOnce() -> Refusal) {
        if let Some(observer) = &self.0 {
            observer.refused(&refusal());
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watch(somebody)" } else { "Watch(nobody)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_refusal_is_told_with_its_rule_and_size_and_never_with_a_value() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let watch = Watch::by(move |refusal: &Refusal| list.lock().unwrap().push(refusal.clone()));
        let input = br#"{"password": "hunter2", "__proto__": {"pin": 4711}}"#;
        watch.tell(|| Refusal::new(Kind::Json, "prototype-name", input).from_source("10.0.0.1"));
        let told = told.lock().unwrap();
        let line = told[0].to_json_line("2026-01-02T03:04:05.678Z", "orders");
        assert_eq!(
            line,
            r#"{"v":1,"time":"2026-01-02T03:04:05.678Z","service":"orders","kind":"denial","layer":"guard","action":"json","resource":"10.0.0.1","reason":"prototype-name","size":51,"sample":"{\"*\": \"*\", \"__proto__\": {\"*\": *}}","told_by_service":true}"#
        );
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        Watch::nobody().tell(|| panic!("made for nobody"));
        Watch::default().tell(|| panic!("made for nobody"));
    }

    #[test]
    fn texts_of_others_cannot_mislead_a_terminal() {
        let source = "a\u{1b}[2J\r\n\u{202e}x".repeat(100);
        let refusal = Refusal::new(Kind::Header, "control", b"\x1b[2J").from_source(&source);
        let line = refusal.to_json_line("now\n", "orders\u{200b}");
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert!(refusal.source().len() < 128 * 8 + 4, "{}", refusal.source());
    }
}
