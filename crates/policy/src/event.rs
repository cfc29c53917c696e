//! What happened at the boundary, as one JSON object per line.
//!
//! The same vocabulary serves denials, the evidence of an audit and failures of ringfence itself. Names and paths in it are chosen by the service: a line is plain
//! ASCII, with everything else escaped as JSON does it, so that no terminal and no log viewer can
//! be misled by it. The time is told by the caller, because this crate has no clock.

use crate::layer::Layer;
use crate::net::Refusal;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use std::io;

/// Version of the format, in every event. Fields may be added without a new version.
pub const VERSION: u32 = 1;

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A granted access, recorded for the audit.
    Allowed,
    /// An access that was refused.
    Denial,
    /// A grant was taken back while the service runs.
    Dropped,
    /// ringfence itself failed.
    Error,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Binding a socket to an address.
    Bind,
    /// Making, changing, renaming or removing a file.
    Change,
    /// An outbound TCP connection.
    Connect,
    /// Taking a grant back.
    Drop,
    /// Executing a program.
    Exec,
    /// Opening the inspector.
    Inspect,
    /// Going past a limit on memory or on processes.
    Limit,
    /// Listening for connections.
    Listen,
    /// Loading code past JavaScript: an addon, a foreign function, WASI.
    Load,
    /// Looking whether a file is there, and what it is.
    Look,
    /// Opening a file.
    Open,
    /// Looking a name up.
    Resolve,
    /// Sending a signal to a process.
    Signal,
    /// Creating a socket.
    Socket,
    /// Starting the service.
    Start,
    /// Sending a datagram.
    UdpSend,
    /// Connecting to a unix socket.
    UnixConnect,
    /// Starting a worker thread.
    Worker,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Version of the format: 1.
    pub v: u32,
    /// When it happened: RFC 3339, UTC.
    pub time: String,
    /// Name of the service.
    pub service: String,
    /// Kind of event.
    pub kind: Kind,
    /// The layer that decided or saw it.
    pub layer: Layer,
    /// What was tried.
    pub action: Action,
    /// On what: an address, a name, a path.
    pub resource: String,
    /// Process id, as the supervisor sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Program of that process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Why: one sentence without a period.
    pub reason: String,
    /// The line of the boundary file that would allow it; absent when none can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_grant: Option<String>,
    /// The grant that allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Addresses a name resolved to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Arguments of an executed program, redacted: option names and paths, never other values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Names, never values, of the environment of an executed program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// Stable code of a failure of ringfence itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The permission, as Node names it, of a refusal that Node itself made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The package whose code asked, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The service itself told it: it is no evidence of what the service did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub told_by_service: bool,
}

impl Event {
    /// An event with only what every event has; the rest is set on its fields.
    #[must_use]
    pub fn new(
        kind: Kind,
        time: impl Into<String>,
        service: impl Into<String>,
        layer: Layer,
        action: Action,
        resource: impl Into<String>,
    ) -> Self {
        Self {
            v: VERSION,
            time: time.into(),
            service: service.into(),
            kind,
            layer,
            action,
            resource: resource.into(),
            pid: None,
            program: None,
            reason: String::new(),
            missing_grant: None,
            grant: None,
            addresses: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            code: None,
            permission: None,
            package: None,
            told_by_service: false,
        }
    }

    /// The same with the reason and the missing grant of a refusal.
    #[must_use]
    pub fn refused(mut self, refusal: Refusal) -> Self {
        self.reason = refusal.reason;
        self.missing_grant = refusal.missing_grant;
        self
    }

    /// One line of printable ASCII, without the line break at its end.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let mut line = Vec::with_capacity(256);
        let mut serializer = serde_json::Serializer::with_formatter(&mut line, Ascii);
        // Strings and numbers into memory: neither can fail.
        let written = self.serialize(&mut serializer).is_ok();
        debug_assert!(written, "an event has only strings and numbers");
        String::from_utf8(line).unwrap_or_default()
    }
}

/// JSON Schema (draft 2020-12) of one event line.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.into_root_schema_for::<Event>();
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// JSON without any byte that is not printable ASCII.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for character in fragment.chars() {
            if crate::display::is_plain(character) {
                write!(writer, "{character}")?;
            } else {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(resource: &str) -> Event {
        let refusal = Refusal {
            reason: "no grant in net.connect names evil.test".to_owned(),
            missing_grant: Some("net.connect = [\"evil.test:443\"]".to_owned()),
        };
        let time = "2026-01-02T03:04:05.678Z";
        let mut event =
            Event::new(Kind::Denial, time, "orders", Layer::Broker, Action::Connect, resource)
                .refused(refusal);
        event.pid = Some(42);
        event
    }

    #[test]
    fn a_denial_is_one_line_that_says_who_what_why_and_which_grant_is_missing() {
        insta::assert_snapshot!(denial("evil.test:443").to_json_line(), @r#"{"v":1,"time":"2026-01-02T03:04:05.678Z","service":"orders","kind":"denial","layer":"broker","action":"connect","resource":"evil.test:443","pid":42,"reason":"no grant in net.connect names evil.test","missing_grant":"net.connect = [\"evil.test:443\"]"}"#);
    }

    #[test]
    fn a_line_is_printable_ascii_and_loses_nothing() {
        let hostile = "a\n\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{200b}\u{1f600}\"\\\0z";
        let event = denial(hostile);
        let line = event.to_json_line();
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn the_schema_names_every_field_an_event_can_have() {
        let mut event = denial("x");
        event.program = Some("node".to_owned());
        event.grant = Some("net.connect \"x:1\"".to_owned());
        event.addresses = vec!["10.0.0.1".to_owned()];
        event.arguments = vec!["-v".to_owned()];
        event.environment = vec!["PATH".to_owned()];
        event.code = Some("config".to_owned());
        event.permission = Some("FileSystemRead".to_owned());
        event.package = Some("left-pad".to_owned());
        event.told_by_service = true;
        let event: serde_json::Value = serde_json::from_str(&event.to_json_line()).unwrap();
        let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
        let names = |value: &serde_json::Value| {
            value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&schema["properties"]), names(&event));
    }
}
