//! Shared state for tests: a boundary from a few lines, and a record of its events.

use super::shared::{EventSink, Shared};
use ringfence_policy::event::Event;
use ringfence_policy::net::HostFacts;
use std::sync::{Arc, Mutex};

/// What a recorder was told.
pub(super) type Record = Arc<Mutex<Vec<Event>>>;

struct Recorder(Record);

impl EventSink for Recorder {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// State for a boundary with these lines under `[net]`, with audit on.
pub(super) fn shared(net: &str) -> (Arc<Shared>, Record) {
    let text = format!(
        "schema = 1\n[service]\nname = \"test\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n[net]\n{net}\n"
    );
    let boundary = ringfence_policy::parse("test.toml", &text).unwrap();
    let record = Record::default();
    let sink = Box::new(Recorder(Arc::clone(&record)));
    let host = HostFacts { own_addresses: vec!["203.0.114.9".parse().unwrap()] };
    (Arc::new(Shared::new(Arc::new(boundary.net), host, sink, true)), record)
}

/// The events so far.
pub(super) fn recorded(record: &Record) -> Vec<Event> {
    record.lock().unwrap().clone()
}
