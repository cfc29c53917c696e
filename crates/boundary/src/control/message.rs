//! Requests and answers: JSON, one object a packet.
//!
//! Every request gets exactly one answer, whatever its bytes are. Fields that are not known are
//! passed over, so that a newer caller is understood as far as possible; a request of another
//! version is refused.

use ringfence_policy::net::Refusal;
use ringfence_policy::scope::Scope;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Longest packet, in bytes.
pub(crate) const LONGEST: usize = 8 * 1024;
/// Version of the protocol.
const VERSION: u64 = 1;
/// Longest text of an answer, in characters, and most entries of a list in it: the answer fits into
/// a packet whatever its texts are.
const TEXT: usize = 400;
const ENTRIES: usize = 16;

/// A request that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// Returned with the answer.
    pub(crate) id: u64,
    /// What is asked.
    pub(crate) op: Op,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    /// An error when it is not granted.
    Assert(Question),
    /// Takes a grant back.
    Drop(Question),
    /// Whether it is granted.
    Has(Question),
    /// What this boundary is; from outside only.
    Identity,
    /// A refusal that Node itself made.
    Report(Box<Told>),
    /// The value of a secret.
    Secret,
}

/// What a question or a drop is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Scope.
    pub(crate) scope: Scope,
    /// A path, a host, a name.
    pub(crate) reference: Option<String>,
}

/// What a service tells of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    /// An action of an event.
    pub(crate) action: String,
    /// Node's name of the permission.
    pub(crate) permission: String,
    /// On what.
    pub(crate) resource: String,
    /// Whose code asked.
    pub(crate) package: Option<String>,
}

/// As it is written.
#[derive(Deserialize)]
struct Written {
    v: Option<u64>,
    id: Option<u64>,
    op: Option<String>,
    scope: Option<String>,
    reference: Option<String>,
    event: Option<Told>,
}

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Stable, kebab-case.
    pub(crate) code: &'static str,
    /// One sentence without a period.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The line of the boundary file that would allow it.
    pub(crate) missing_grant: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, missing_grant: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A reference that can mean nothing.
    pub(crate) fn bad_reference(message: impl Into<String>) -> Self {
        Self::new("bad-reference", message)
    }

    /// What is asked is not granted.
    pub(crate) fn denied(refusal: Refusal) -> Self {
        let mut failure = Self::new("denied", refusal.reason);
        failure.missing_grant = refusal.missing_grant;
        failure
    }
}

/// A packet that is no request: its id as far as it has one, and why.
pub(crate) type Malformed = (Option<u64>, Failure);

impl Request {
    /// Reads a packet.
    pub(crate) fn parse(packet: &[u8], truncated: bool) -> Result<Self, Malformed> {
        let bad = |id, message: &str| (id, Failure::new("bad-request", message));
        if truncated {
            return Err(bad(None, "the request is longer than 8192 bytes"));
        }
        let written: Written = serde_json::from_slice(packet).map_err(|error| {
            // Without the text of the packet, which may hold anything.
            let message = match error.classify() {
                serde_json::error::Category::Data => "a field of the request has the wrong type",
                _ => "the request is not JSON",
            };
            bad(None, message)
        })?;
        let Some(id) = written.id else { return Err(bad(None, "the request has no id")) };
        let bad = |message: &str| bad(Some(id), message);
        if written.v != Some(VERSION) {
            return Err(bad("this ringfence speaks version 1 of the control protocol"));
        }
        let question = || {
            let Some(scope) = &written.scope else { return Err(bad("the request has no scope")) };
            let scope = read_scope(scope).map_err(|failure| (Some(id), failure))?;
            Ok(Question { scope, reference: written.reference.clone() })
        };
        let op = match written.op.as_deref() {
            Some("assert") => Op::Assert(question()?),
            Some("drop") => Op::Drop(question()?),
            Some("has") => Op::Has(question()?),
            Some("identity") => Op::Identity,
            Some("report") => {
                Op::Report(Box::new(written.event.ok_or_else(|| bad("the report has no event"))?))
            }
            Some("secret") => Op::Secret,
            Some(_) => return Err(bad("the request has an op that is not known")),
            None => return Err(bad("the request has no op")),
        };
        Ok(Self { id, op })
    }
}

fn read_scope(text: &str) -> Result<Scope, Failure> {
    Scope::from_id(text).ok_or_else(|| {
        let shown = ringfence_policy::display::quoted(text).to_string();
        let failure = Failure::new("unknown-scope", format!("there is no scope {shown}"));
        match Scope::closest(text) {
            Some(meant) => failure.hint(format!("did you mean {meant}?")),
            None => failure.hint(format!("scopes are {}", Scope::ALL.map(Scope::id).join(", "))),
        }
    })
}

/// The packet that answers a request.
pub(crate) fn answer(id: Option<u64>, result: Result<Map<String, Value>, Failure>) -> String {
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(id));
    object.insert("ok".to_owned(), json!(result.is_ok()));
    match result {
        Ok(fields) => object.extend(fields.into_iter().map(|(name, value)| (name, fitted(value)))),
        Err(failure) => {
            let texts = [
                ("code", Some(failure.code.to_owned())),
                ("message", Some(failure.message)),
                ("hint", failure.hint),
                ("missing_grant", failure.missing_grant),
            ];
            let texts = texts
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), fitted(Value::String(text?)))));
            object.insert("error".to_owned(), Value::Object(texts.collect()));
        }
    }
    Value::Object(object).to_string()
}

/// The fields of an answer that holds one value.
pub(crate) fn value(value: bool) -> Map<String, Value> {
    Map::from_iter([("value".to_owned(), Value::Bool(value))])
}

/// A value whose texts and lists are cut to what a packet holds.
fn fitted(value: Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(TEXT) {
            Some((end, _)) => Value::String(format!("{} (cut)", &text[..end])),
            None => Value::String(text),
        },
        Value::Array(mut entries) => {
            let more = entries.len().saturating_sub(ENTRIES);
            entries.truncate(ENTRIES);
            let mut entries: Vec<Value> = entries.into_iter().map(fitted).collect();
            if more > 0 {
                entries.push(Value::String(format!("and {more} more")));
            }
            Value::Array(entries)
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, fitted(value))).collect())
        }
        other => other,
    }
}

/// What was taken away, as a drop answers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dropped {
    /// The grants, or parts of grants, that are gone.
    pub grants: Vec<String>,
    /// Connections that were cut.
    pub sockets: usize,
    /// Listeners that were closed.
    pub listeners: usize,
    /// Datagram flows that were given up.
    pub flows: usize,
    /// Connections to unix sockets that were cut.
    pub unix: usize,
    /// Files and folders that became unreachable.
    pub files: usize,
    /// Secrets that were emptied.
    pub secrets: usize,
}

impl Dropped {
    /// What was open and is gone: `2 connections, 1 secret`; nothing when nothing was.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let parts = [
            (self.sockets, "connection"),
            (self.listeners, "listener"),
            (self.flows, "datagram flow"),
            (self.unix, "unix connection"),
            (self.files, "file"),
            (self.secrets, "secret"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request, Malformed> {
        Request::parse(text.as_bytes(), false)
    }

    fn code(text: &str) -> (Option<u64>, &'static str) {
        let (id, failure) = parse(text).unwrap_err();
        (id, failure.code)
    }

    #[test]
    fn requests_are_read() {
        let read = parse(r#"{"v":1,"id":7,"op":"has","scope":"fs.read","reference":"/app","x":1}"#);
        let question = Question { scope: Scope::FsRead, reference: Some("/app".to_owned()) };
        assert_eq!(read, Ok(Request { id: 7, op: Op::Has(question) }));
        let read = parse(r#"{"v":1,"id":7,"op":"drop","scope":"net"}"#).unwrap();
        assert_eq!(read.op, Op::Drop(Question { scope: Scope::Net, reference: None }));
        let read = parse(r#"{"v":1,"id":7,"op":"report","event":{"resource":"/x","more":[]}}"#);
        let Op::Report(told) = read.unwrap().op else { panic!("a report") };
        assert_eq!(told.resource, "/x");
    }

    #[test]
    fn every_malformed_packet_is_a_bad_request_with_the_id_it_has() {
        for (text, id) in [
            ("", None),
            ("x", None),
            ("[]", None),
            ("{}", None),
            (r#"{"v":1,"op":"has","scope":"net"}"#, None),
            (r#"{"v":1,"id":-1,"op":"has","scope":"net"}"#, None),
            (r#"{"v":2,"id":3,"op":"has","scope":"net"}"#, Some(3)),
            (r#"{"id":3,"op":"has","scope":"net"}"#, Some(3)),
            (r#"{"v":1,"id":3}"#, Some(3)),
            (r#"{"v":1,"id":3,"op":"grant","scope":"net"}"#, Some(3)),
            (r#"{"v":1,"id":3,"op":"has"}"#, Some(3)),
            (r#"{"v":1,"id":3,"op":"has","scope":7}"#, None),
            (r#"{"v":1,"id":3,"op":"report"}"#, Some(3)),
        ] {
            assert_eq!(code(text), (id, "bad-request"), "{text}");
        }
        assert_eq!(Request::parse(b"{}", true).unwrap_err().1.code, "bad-request");
        let deep = "[".repeat(LONGEST);
        assert_eq!(code(&deep), (None, "bad-request"));
    }

    #[test]
    fn an_unknown_scope_is_an_error_with_the_nearest_one() {
        let (id, failure) = parse(r#"{"v":1,"id":1,"op":"has","scope":"fs.reed"}"#).unwrap_err();
        assert_eq!((id, failure.code), (Some(1), "unknown-scope"));
        assert_eq!(failure.hint.as_deref(), Some("did you mean fs.read?"));
    }

    #[test]
    fn an_answer_fits_into_a_packet_whatever_it_says() {
        let long = "\u{1}\u{1f512}\"".repeat(LONGEST);
        let mut failure = Failure::new("denied", long.clone()).hint(long.clone());
        failure.missing_grant = Some(long.clone());
        let refused = answer(Some(u64::MAX), Err(failure));
        let dropped = json!({"grants": vec!["g".repeat(300); 100], "sockets": usize::MAX});
        let granted = answer(Some(1), Ok(Map::from_iter([("dropped".to_owned(), dropped)])));
        for text in [refused, granted] {
            assert!(text.len() <= LONGEST, "{}", text.len());
            assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
        assert_eq!(answer(None, Ok(value(true))), r#"{"id":null,"ok":true,"value":true}"#);
    }
}
