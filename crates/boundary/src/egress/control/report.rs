//! Refusals that Node itself made, as the service tells them.
//!
//! They are events like the others, marked as told by the service: hostile code can tell anything,
//! and says nothing at all when it has something to hide. They are limited like everything that the
//! service can cause.

use crate::control::message::Told;
use crate::egress::journal::Journal;
use crate::egress::shared::Shared;
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use std::sync::Arc;
use std::time::Instant;

/// Longest text that is taken over, in characters.
const TEXT: usize = 1024;

/// Makes events of what is told.
#[derive(Debug)]
pub(super) struct Reports(Journal);

impl Reports {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(Journal::new(shared, Instant::now()))
    }

    pub(super) fn tell(&mut self, told: Told, pid: i32) {
        let cut = |text: String| text.chars().take(TEXT).collect::<String>();
        let action = action(&told.action).or_else(|| of_permission(&told.permission));
        let action = action.unwrap_or(Action::Open);
        let mut event =
            Event::new(Kind::Denial, "", "", Layer::NodeFlags, action, cut(told.resource));
        event.pid = u32::try_from(pid).ok();
        "Node's own permissions refused it".clone_into(&mut event.reason);
        event.permission = (!told.permission.is_empty()).then(|| cut(told.permission));
        event.package = told.package.map(cut);
        event.told_by_service = true;
        self.0.told(event, Instant::now());
    }
}

/// An action by the name it has in events.
fn action(name: &str) -> Option<Action> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// What Node calls the permission of an error (`lib/internal/process/permission.js`).
fn of_permission(permission: &str) -> Option<Action> {
    Some(match permission {
        "FileSystem" | "FileSystemRead" => Action::Open,
        "FileSystemWrite" => Action::Change,
        "ChildProcess" => Action::Exec,
        "Net" => Action::Connect,
        "WorkerThreads" => Action::Worker,
        "Inspector" => Action::Inspect,
        "Addon" | "Addons" | "FFI" | "WASI" => Action::Load,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::testing::{recorded, shared};

    #[test]
    fn what_a_service_tells_is_marked_and_never_more_than_a_denial() {
        let (shared, events) = shared("");
        let mut reports = Reports::new(shared);
        let told = |permission: &str, resource: &str| Told {
            permission: permission.to_owned(),
            resource: resource.to_owned(),
            package: Some("left-pad".to_owned()),
            ..Told::default()
        };
        reports.tell(told("FileSystemWrite", "/x"), 7);
        reports.tell(told("FileSystemWrite", "/x"), 7);
        reports.tell(Told { action: "drop".to_owned(), ..told("odd", "y") }, 7);
        let events = recorded(&events);
        assert_eq!(events.len(), 2, "the same is told once");
        for event in &events {
            assert!(event.told_by_service && event.kind == Kind::Denial);
            assert_eq!((event.layer, event.pid), (Layer::NodeFlags, Some(7)));
        }
        assert_eq!(events[0].action, Action::Change);
        assert_eq!(events[0].permission.as_deref(), Some("FileSystemWrite"));
    }
}
