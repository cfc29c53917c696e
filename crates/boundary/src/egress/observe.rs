//! What a boundary would refuse, in a run that enforces nothing.
//!
//! Every call is answered with `Continue`, whatever comes of the look at it: this is a recording,
//! it can be fooled by a program that changes its arguments, and it keeps nothing in. Each thing
//! is told once.

use super::broker::{Broker, Reply, event};
use super::place::{Place, canonical, place};
use crate::plan::Access;
use ringfence_policy::event::{Action, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::{ListenPlace, Refusal, Transport};
use ringfence_sys::notify::{Answer, Notification};
use ringfence_sys::socket::Address;
use std::path::{Path, PathBuf};

/// Most different things told in one run.
const TOLD: usize = 10_000;

/// What was seen of a call.
pub(super) struct Sight<'a> {
    pub(super) kind: Kind,
    pub(super) action: Action,
    pub(super) layer: Layer,
    pub(super) resource: &'a str,
    pub(super) reason: &'a str,
    pub(super) missing_grant: Option<String>,
}

impl<'a> Sight<'a> {
    const fn observed(action: Action, layer: Layer, resource: &'a str, reason: &'a str) -> Self {
        Self { kind: Kind::Observed, action, layer, resource, reason, missing_grant: None }
    }

    fn with_grant(mut self, grant: String) -> Self {
        self.missing_grant = Some(grant);
        self
    }
}

impl Broker {
    /// Looks at a call and lets it go on.
    pub(super) fn observe(&mut self, call: &Notification) -> Reply {
        match call.number {
            libc::SYS_execve if !self.started => {
                self.started = true;
                (self.on_start)(call.tid);
            }
            libc::SYS_execve => self.observe_exec(call, 0),
            libc::SYS_execveat => self.observe_exec(call, 1),
            libc::SYS_connect => self.observe_connect(call),
            libc::SYS_bind => self.observe_bind(call),
            libc::SYS_openat => self.observe_open(call, 1, call.args[2]),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_open => self.observe_open(call, 0, call.args[1]),
            _ => {}
        }
        Reply::Now(Answer::Continue)
    }

    fn observe_exec(&mut self, call: &Notification, path_at: usize) {
        let address = call.args.get(path_at).copied().unwrap_or_default();
        let program = self.text_at(call, address);
        if self.scope.children.is_empty() || !self.covers(Path::new(&program), Access::Execute) {
            let why = "no grant lets the service start it";
            let grant = format!("process.children = [{program:?}]");
            let sight = Sight::observed(Action::Exec, Layer::Broker, &program, why);
            self.tell(call, &sight.with_grant(grant));
        }
    }

    fn observe_connect(&mut self, call: &Notification) {
        match self.address(call) {
            Ok(Address::Inet(asked)) => {
                let to = canonical(asked);
                match place(&self.shared, Transport::Tcp, asked) {
                    Place::Refused(refusal) => {
                        self.tell_refusal(call, Action::Connect, &to.to_string(), refusal);
                    }
                    Place::Inside if !self.seen.contains(&own_port(to.port())) => {
                        let refusal = Refusal {
                            reason: "no grant reaches the host's loopback".to_owned(),
                            missing_grant: Some(format!("net.connect = [\"{to}\"]")),
                        };
                        self.tell_refusal(call, Action::Connect, &to.to_string(), refusal);
                    }
                    Place::Host(..) | Place::Inside => {}
                }
            }
            Ok(address @ Address::UnixPath(_)) => {
                let path = address.to_string();
                let granted = self.scope.unix_sockets.iter().any(|s| s.named == Path::new(&path));
                if !granted && !self.covers(Path::new(&path), Access::Write) {
                    let why = "no grant names this socket";
                    let grant = format!("net.unix = [{path:?}]");
                    let sight = Sight::observed(Action::UnixConnect, Layer::Broker, &path, why);
                    self.tell(call, &sight.with_grant(grant));
                }
            }
            _ => {}
        }
    }

    fn observe_bind(&mut self, call: &Notification) {
        let Ok(Address::Inet(asked)) = self.address(call) else { return };
        self.seen.insert(own_port(asked.port()));
        let decided = self.shared.network().listen(Transport::Tcp, asked);
        match decided {
            Ok(ListenPlace::Host(_)) => {}
            Ok(ListenPlace::Private) if asked.port() == 0 => {}
            Ok(ListenPlace::Private) => {
                let refusal = Refusal {
                    reason: "no grant: the listener would be private to the service".to_owned(),
                    missing_grant: Some(format!("net.listen = [\"{asked}\"]")),
                };
                self.tell_refusal(call, Action::Bind, &asked.to_string(), refusal);
            }
            Err(refusal) => self.tell_refusal(call, Action::Bind, &asked.to_string(), refusal),
        }
    }

    fn observe_open(&mut self, call: &Notification, path_at: usize, flags: u64) {
        let address = call.args.get(path_at).copied().unwrap_or_default();
        let named = self.text_at(call, address);
        let base = i32::try_from(call.args[0].cast_signed()).ok();
        let base = base.filter(|number| path_at == 1 && *number >= 0);
        let path = absolute(call.tid, Path::new(&named), base);
        let writes = flags & 0b11 != 0;
        let access = if writes { Access::Write } else { Access::Read };
        if named.is_empty() || self.covers(&path, access) {
            return;
        }
        let key = if writes { "write" } else { "read" };
        let resource = path.to_string_lossy().into_owned();
        let grant = format!("fs.{key} = [{resource:?}]");
        let reason =
            if writes { "no grant lets the service write it" } else { "no grant shows it" };
        let sight = Sight::observed(Action::Open, Layer::Namespaces, &resource, reason);
        self.tell(call, &sight.with_grant(grant));
    }

    fn text_at(&self, call: &Notification, address: u64) -> String {
        String::from_utf8_lossy(&self.targets.read_path(call.tid, address)).into_owned()
    }

    /// Whether the boundary shows this path with this access.
    pub(super) fn covers(&self, path: &Path, access: Access) -> bool {
        const OWN: [&str; 4] = ["/proc", "/dev", "/tmp", "/sys/devices/system/cpu"];
        let generated = crate::enforce::GENERATED.iter().any(|file| Path::new(file) == path);
        let own = OWN.iter().any(|folder| path.starts_with(folder)) || generated;
        let granted = self.scope.shown.iter().any(|(folder, granted)| {
            let enough = match access {
                Access::Read => true,
                wanted => *granted == wanted,
            };
            enough && path.starts_with(folder)
        });
        granted || (own && access != Access::Execute)
    }

    fn tell_refusal(
        &mut self,
        call: &Notification,
        action: Action,
        resource: &str,
        refusal: Refusal,
    ) {
        let mut sight = Sight::observed(action, Layer::Broker, resource, &refusal.reason);
        sight.missing_grant = refusal.missing_grant;
        self.tell(call, &sight);
    }

    /// Tells a thing once.
    pub(super) fn tell(&mut self, call: &Notification, sight: &Sight<'_>) {
        let key = format!("{:?} {}", sight.action, sight.resource);
        if self.seen.len() >= TOLD || !self.seen.insert(key) {
            return;
        }
        let mut event = event(sight.kind, sight.action, sight.resource, call);
        event.layer = sight.layer;
        sight.reason.clone_into(&mut event.reason);
        event.missing_grant = self.scope.naming.line(sight.missing_grant.clone());
        self.shared.events.emit(event);
    }
}

/// Marks a port the service listens on.
fn own_port(port: u16) -> String {
    format!("own port {port}")
}

/// A relative path against the working directory, or the directory that is open as `base`.
pub(super) fn absolute(tid: i32, path: &Path, base: Option<i32>) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    let base = base.map_or_else(|| "cwd".to_owned(), |number| format!("fd/{number}"));
    let base = std::fs::read_link(format!("/proc/{tid}/{base}"));
    base.unwrap_or_default().join(path)
}
