//! Denial events explained: what was refused is in them, only what to do is asked anew.

use super::access::{Access, Outcome, Target, is_synthetic};
use super::causes::{network, start};
use super::code::Code;
use super::context::Context;
use super::dropped::{self, Drops};
use super::grant::{Grant, lines};
use super::read::endpoint;
use super::report::{Advice, Explanation, Report, shown};
use super::{begun, finish, group, seen};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::Transport;
use std::net::SocketAddr;

/// Explains events, each with the line it stands in.
#[must_use]
pub fn events(events: impl IntoIterator<Item = (usize, Event)>, context: &Context<'_>) -> Report {
    let mut report = begun(context);
    let mut drops = Drops::default();
    for (line, event) in events {
        if let Some(explanation) = one(&event, line, &mut drops, context) {
            group(&mut report, explanation);
        }
    }
    finish(&mut report, context);
    report
}

/// Explains one; `None` for what was not refused. Events are given in their order: a grant that
/// was dropped is the reason of what is refused later.
pub(super) fn one(
    event: &Event,
    line: usize,
    drops: &mut Drops,
    context: &Context<'_>,
) -> Option<Explanation> {
    let mut explanation = match event.kind {
        Kind::Allowed => return None,
        Kind::Dropped => drops.taken(event),
        Kind::Error => failed(event),
        Kind::Denial => refused(event, drops, context),
    };
    if event.told_by_service {
        explanation = explanation.likely();
    }
    explanation.line = line;
    explanation.seen =
        seen(format!("{} {}", action(event.action), named_resource(event)).trim_end());
    Some(explanation)
}

fn refused(event: &Event, drops: &Drops, context: &Context<'_>) -> Explanation {
    let access = access(event, context);
    let mut explanation = Explanation::new(code(event), Some(event.layer), cause(event));
    if drops.explain(event, access.as_ref(), context) {
        return dropped::told(explanation);
    }
    if let Some(access) = &access {
        if network::has_other_port(access, context) {
            explanation.code = Code::PortNotGranted;
        }
        if let Access::Connect(_, Target::Address(ip), port) = access
            && is_synthetic(*ip)
        {
            return network::synthetic("EACCES", &shown(&event.resource), *port, context);
        }
    }
    match access.as_ref().map(|access| access.outcome(context)) {
        Some(Outcome::Already) => {
            explanation.code = Code::GrantedAlready;
            explanation.instead(
                "the boundary file grants it now, and the service runs with the file as it was at \
                 its start, without what was dropped since: start the service anew",
            )
        }
        Some(Outcome::Missing(advice)) => explanation.advise(advice),
        Some(Outcome::Never(code, advice)) => {
            explanation.code = code;
            explanation.advise(advice)
        }
        Some(Outcome::Nothing(why))
            if matches!(access, Some(Access::Read(_) | Access::Write(_))) && !why.is_empty() =>
        {
            explanation.instead(format!("no line can be named for it: {why}"))
        }
        Some(Outcome::Nothing(_)) | None => named(event, explanation, context),
    }
}

/// What the event itself names, where it is known not to be asked again.
fn named(event: &Event, explanation: Explanation, context: &Context<'_>) -> Explanation {
    if matches!(event.action, Action::Open | Action::Look | Action::Change)
        && !event.resource.starts_with('/')
        && !event.resource.is_empty()
    {
        return explanation.instead(
            "its path counts from the service's working directory: explain it with the boundary \
             file (--config), which says service.cwd",
        );
    }
    if event.action == Action::Limit {
        return explanation
            .instead(format!("raise {}, or look for what grows", shown(&event.resource)));
    }
    let line = event.missing_grant.as_deref();
    let name = Target::parse(&event.resource);
    if event.action == Action::Resolve
        && line.is_none()
        && event.reason.ends_with("it is granted with the port")
        && matches!(name, Some(Target::Name(_)))
    {
        return explanation.instead(format!(
            "grant it with the port it uses, which a look-up does not tell: add \"{}:PORT\" to \
             net.connect (443 for https)",
            shown(&event.resource)
        ));
    }
    let Some(grant) = line.and_then(Grant::of_line) else {
        return explanation.instead("no grant can allow it");
    };
    let fits = context.setting.is_none_or(|setting| grant.apply(setting.boundary).is_ok());
    if !fits || grant.value.contains("PORT") {
        return explanation.instead(format!(
            "grant it with the port it uses: {}",
            shown(line.unwrap_or_default())
        ));
    }
    let grants = vec![grant];
    let lines = lines(&grants, context.setting.as_ref());
    explanation.advise(Advice::Grant { grants, lines, note: String::new() })
}

/// A failure of ringfence itself.
fn failed(event: &Event) -> Explanation {
    let told = |cause: String| Explanation::new(Code::RingfenceError, None, cause);
    match (event.action, event.code.as_deref()) {
        (Action::Drop, _) => told(format!(
            "the drop of {} is not complete: {}",
            shown(&event.resource),
            ringfence_policy::display::untrusted(&event.reason)
        ))
        .instead(
            "nothing new can come of the dropped grant; stop the service to end what survived",
        ),
        (_, Some("configuration")) => told(start::stopped(&event.reason))
            .instead("`ringfence check-config` shows the mistake in its place, and how to mend it"),
        _ => told(start::stopped(&event.reason))
            .instead("`ringfence status` says what this host can give; no grant helps"),
    }
}

fn cause(event: &Event) -> String {
    let who = "the service was refused";
    let reason = ringfence_policy::display::untrusted(&event.reason).to_string();
    let what = match (event.action, event.resource.as_str()) {
        (Action::Worker, "") => "a worker thread".to_owned(),
        (action_, "") => action(action_),
        (action_, _) => format!("{} {}", action(action_), shown(&named_resource(event))),
    };
    // Most reasons name what was asked for.
    let told = !event.resource.is_empty() && reason.contains(&event.resource);
    let mut cause = match (reason.is_empty(), told) {
        (true, _) => format!("{who}: {what}"),
        (_, true) => format!("{who}: {reason}"),
        (_, false) => format!("{who}: {what}: {reason}"),
    };
    if let Some(package) = &event.package {
        cause = format!("{cause}; the package {} asked", shown(package));
    }
    if event.told_by_service {
        cause.push_str(" (told by the service itself, which is no evidence)");
    }
    cause
}

/// What was asked for: the name, where its resource is an address that only stands for it.
fn named_resource(event: &Event) -> String {
    let stands = endpoint(event.resource.split(' ').next().unwrap_or_default())
        .and_then(|(host, _)| host.parse().ok())
        .is_some_and(is_synthetic);
    match event.missing_grant.as_deref().and_then(Access::of_line) {
        Some(Access::Connect(_, Target::Name(name), port)) if stands => format!("{name}:{port}"),
        _ => event.resource.clone(),
    }
}

/// The action in words.
fn action(action: Action) -> String {
    serde_json::to_value(action)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn code(event: &Event) -> Code {
    let node = event.layer == Layer::NodeFlags;
    match event.action {
        Action::Bind | Action::Listen => Code::ListenNotGranted,
        Action::Connect => Code::ConnectNotGranted,
        Action::Exec if node => Code::NodeChildProcess,
        Action::Exec => Code::ProgramNotGranted,
        Action::Resolve
            if event.missing_grant.as_deref().is_some_and(|line| line.contains("private")) =>
        {
            Code::AddressPrivate
        }
        Action::Resolve => Code::NameNotGranted,
        Action::UdpSend => Code::UdpNotGranted,
        Action::UnixConnect => Code::UnixNotGranted,
        Action::Open | Action::Look | Action::Change => match (writes(event), node) {
            (true, true) => Code::NodeFileWrite,
            (true, false) => Code::FileReadOnly,
            (false, true) => Code::NodeFileRead,
            (false, false) => Code::FileHidden,
        },
        Action::Worker => Code::NodeWorker,
        Action::Inspect => Code::NodeInspector,
        Action::Limit if event.resource == "limits.pids" => Code::ProcessLimit,
        Action::Limit => Code::MemoryLimit,
        Action::Load => match event.permission.as_deref() {
            Some("WASI") => Code::NodeWasi,
            Some("FFI") => Code::NodeFfi,
            _ => Code::NodeAddonDisabled,
        },
        Action::Drop | Action::Signal | Action::Socket | Action::Start => Code::SystemCallRefused,
    }
}

/// Whether a file was to be changed.
fn writes(event: &Event) -> bool {
    event.action == Action::Change
        || event.permission.as_deref() == Some("FileSystemWrite")
        || event.missing_grant.as_deref().is_some_and(|line| line.starts_with("fs.write"))
        || event.reason.contains("write")
}

/// The access of an event, where it says enough.
fn access(event: &Event, context: &Context<'_>) -> Option<Access> {
    let path = || event.resource.starts_with('/').then(|| event.resource.clone());
    let file = || context.absolute(&event.resource);
    // A name with its port may be followed by the address it was reached at.
    let resource = event.resource.split(' ').next().unwrap_or_default();
    let outbound = |transport| {
        let named = event.missing_grant.as_deref().and_then(Access::of_line);
        named.or_else(|| {
            let (host, port) = endpoint(resource)?;
            Some(Access::Connect(transport, Target::parse(host)?, port))
        })
    };
    match event.action {
        Action::Connect => outbound(Transport::Tcp),
        Action::UdpSend => outbound(Transport::Udp),
        Action::Exec => path().map(Access::Exec),
        Action::Bind | Action::Listen => {
            let address: SocketAddr = resource.parse().ok()?;
            Some(Access::Listen(Transport::Tcp, address))
        }
        Action::UnixConnect => path().map(Access::Unix),
        Action::Open | Action::Look | Action::Change if writes(event) => file().map(Access::Write),
        Action::Open | Action::Look | Action::Change => file().map(Access::Read),
        Action::Worker => Some(Access::Worker),
        Action::Inspect => Some(Access::Inspector),
        Action::Load => match event.permission.as_deref() {
            Some("WASI") => Some(Access::Wasi),
            Some("FFI") => Some(Access::Ffi),
            _ => None,
        },
        Action::Drop
        | Action::Limit
        | Action::Resolve
        | Action::Signal
        | Action::Socket
        | Action::Start => None,
    }
}
