//! Grants that were taken back while a service ran: the reason of what is refused after it.
//!
//! A drop changes no file, so the boundary file still grants what the service no longer has. What
//! is said here is of one run: a new start has every grant of the file again.

use super::access::Access;
use super::code::Code;
use super::context::Context;
use super::paths::{covers, is_in, join};
use super::report::{Explanation, shown};
use ringfence_policy::display;
use ringfence_policy::event::{Action, Event};
use ringfence_policy::model::Delivery;

/// The words of every refusal for a grant that was dropped.
pub(crate) const WORDS: &str = "was dropped while the service ran";

/// Drops that are kept of one file of events.
const MOST: usize = 1000;

/// What was dropped so far, in the order of the events.
#[derive(Debug, Default)]
pub(super) struct Drops(Vec<Dropped>);

/// One of them, as it was asked for.
#[derive(Debug)]
struct Dropped {
    scope: String,
    /// Empty for the whole scope.
    reference: String,
}

impl Drops {
    /// Explains an event of a drop, and keeps it for those that come after.
    pub(super) fn taken(&mut self, event: &Event) -> Explanation {
        let (scope, reference) = event.resource.split_once(' ').unwrap_or((&event.resource, ""));
        if self.0.len() < MOST {
            self.0.push(Dropped { scope: scope.to_owned(), reference: reference.to_owned() });
        }
        let reason = display::untrusted(&event.reason);
        told(Explanation::new(
            Code::DroppedAtRuntime,
            Some(event.layer),
            format!("the grant {} was taken back: {reason}", shown(&event.resource)),
        ))
    }

    /// Whether a refusal comes of one of them.
    pub(super) fn explain(
        &self,
        event: &Event,
        access: Option<&Access>,
        context: &Context<'_>,
    ) -> bool {
        event.reason.contains(WORDS)
            || self.0.iter().any(|dropped| dropped.covers(event, access, context))
    }
}

impl Dropped {
    fn covers(&self, event: &Event, access: Option<&Access>, context: &Context<'_>) -> bool {
        let family = self.scope.split('.').next().unwrap_or_default();
        let asked = match event.action {
            Action::Connect
            | Action::UdpSend
            | Action::Resolve
            | Action::Listen
            | Action::Bind
            | Action::UnixConnect => "net",
            Action::Open | Action::Look | Action::Change => "fs",
            Action::Exec => "child",
            _ => return false,
        };
        if family == "secret" && asked == "fs" {
            return secret(context, &event.resource)
                .is_some_and(|name| self.reference.is_empty() || name == self.reference);
        }
        if family != asked || (self.reference.is_empty() && self.scope != family) {
            return false;
        }
        if self.reference.is_empty() {
            return true;
        }
        let resource = event.resource.split(' ').next().unwrap_or_default();
        let host = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned();
        match access {
            Some(Access::Read(path) | Access::Write(path) | Access::Unix(path)) => {
                is_in(&join("/", path), &join("/", &self.reference))
            }
            _ if event.action == Action::Resolve => {
                resource.eq_ignore_ascii_case(&host(&self.reference))
            }
            _ => {
                let line = event.missing_grant.as_deref().unwrap_or_default();
                resource.eq_ignore_ascii_case(&self.reference)
                    || line.contains(&format!("\"{}\"", self.reference))
                    || host(resource).eq_ignore_ascii_case(&self.reference)
            }
        }
    }
}

/// The secret that is delivered at this path.
pub(super) fn secret<'a>(context: &Context<'a>, path: &str) -> Option<&'a str> {
    let secrets = &context.setting?.boundary.secrets;
    let found = secrets
        .iter()
        .find(|secret| matches!(&secret.delivery, Delivery::File(to) if to.value == path));
    found.map(|secret| secret.name.value.as_str())
}

/// What can be dropped at this absolute path, in words.
pub(super) fn droppable(context: &Context<'_>, path: &str) -> Option<String> {
    let setting = context.setting?;
    if let Some(name) = secret(context, path) {
        return Some(format!("the secret {}", shown(name)));
    }
    covers(&setting.boundary.fs.droppable, setting.folder, path)
        .then(|| format!("{} of fs.droppable", shown(path)))
}

/// A refusal that comes of a drop.
pub(super) fn told(mut explanation: Explanation) -> Explanation {
    explanation.code = Code::DroppedAtRuntime;
    explanation.instead(
        "nothing in the file is missing: the service or `ringfence drop` gave the grant up for \
         the life of this run; drop it later, or start the service anew to have it again",
    )
}
