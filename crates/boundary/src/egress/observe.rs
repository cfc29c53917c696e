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
            let grant = format!("process.children = [{program:?}]");
            self.tell(
                call,
                Action::Exec,
                Layer::Broker,
                &program,
                "no grant lets the service start it",
                grant,
            );
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
                    let grant = format!("net.unix = [{path:?}]");
                    self.tell(
                        call,
                        Action::UnixConnect,
                        Layer::Broker,
                        &path,
                        "no grant names this socket",
                        grant,
                    );
                }
            }
            _ => {}
        }
    }

    fn observe_bind(&mut self, call: &Notification) {
        let Ok(Address::Inet(asked)) = self.address(call) else { return };
        self.seen.insert(own_port(asked.port()));
        let decided = self.shared.network.listen(Transport::Tcp, asked);
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
        let path = absolute(call, Path::new(&named), path_at == 1);
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
        self.tell(call, Action::Open, Layer::Namespaces, &resource, reason, grant);
    }

    fn text_at(&self, call: &Notification, address: u64) -> String {
        String::from_utf8_lossy(&self.targets.read_path(call.tid, address)).into_owned()
    }

    /// Whether the boundary shows this path with this access.
    fn covers(&self, path: &Path, access: Access) -> bool {
        const OWN: [&str; 4] = ["/proc", "/dev", "/tmp", "/sys/devices/system/cpu"];
        let generated = crate::enforce::GENERATED.iter().any(|file| Path::new(file) == path);
        let own = OWN.iter().any(|folder| path.starts_with(folder)) || generated;
        let granted = self.scope.observe.iter().flatten().any(|(folder, granted)| {
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
        let grant = refusal.missing_grant.unwrap_or_default();
        self.tell(call, action, Layer::Broker, resource, &refusal.reason, grant);
    }

    fn tell(
        &mut self,
        call: &Notification,
        action: Action,
        layer: Layer,
        resource: &str,
        reason: &str,
        grant: String,
    ) {
        if self.seen.len() >= TOLD || !self.seen.insert(format!("{action:?} {resource}")) {
            return;
        }
        let mut event = event(Kind::Observed, action, resource, call);
        event.layer = layer;
        reason.clone_into(&mut event.reason);
        event.missing_grant = (!grant.is_empty()).then_some(grant);
        self.shared.events.emit(event);
    }
}

/// Marks a port the service listens on.
fn own_port(port: u16) -> String {
    format!("own port {port}")
}

/// A relative path against the working directory, or the directory an `openat` names.
fn absolute(call: &Notification, path: &Path, at: bool) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    let number = i32::try_from(call.args[0].cast_signed()).unwrap_or(libc::AT_FDCWD);
    let base = if at && number >= 0 { format!("fd/{number}") } else { "cwd".to_owned() };
    let base = std::fs::read_link(format!("/proc/{}/{base}", call.tid));
    base.unwrap_or_default().join(path)
}
