//! What Landlock refused, out of the host's audit.
//!
//! Only where the host keeps an audit and this process may read it. A refusal belongs to the service
//! when its domain was made by the service's first process: the kernel says so with the first refusal
//! of each domain. Values come from the service; the kernel writes those with unusual bytes as
//! hexadecimal digits (`audit_log_untrustedstring`).

use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_sys::audit::{END_OF_EVENT, LANDLOCK_ACCESS, LANDLOCK_DOMAIN, Log};
use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};

/// Refusals whose domain is not known yet.
const PENDING: usize = 256;
/// Longest record the kernel writes (`AUDIT_MESSAGE_TEXT_MAX` is 8560).
const ROOM: usize = 16 * 1024;

/// The log of one service.
#[derive(Debug)]
pub(super) struct LandlockLog {
    log: Log,
    reader: Reader,
}

impl LandlockLog {
    /// Follows the host's audit, if there is one to be read.
    pub(super) fn follow() -> Option<Self> {
        Some(Self { log: Log::follow().ok()?, reader: Reader::default() })
    }

    /// The service's first process, as the host numbers it.
    pub(super) const fn of(&mut self, pid: Option<u32>) {
        self.reader.pid = pid;
    }

    /// What was refused since the last time.
    pub(super) fn read(&mut self) -> Vec<Event> {
        let mut room = vec![0; ROOM];
        let mut events = Vec::new();
        while let Some((kind, text)) = self.log.next(&mut room) {
            self.reader.take(kind, text, &mut events);
        }
        events
    }
}

impl AsFd for LandlockLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.log.as_fd()
    }
}

/// Joins records.
#[derive(Debug, Default)]
struct Reader {
    pid: Option<u32>,
    domains: BTreeSet<String>,
    pending: VecDeque<(String, Event)>,
}

impl Reader {
    fn take(&mut self, kind: u16, text: &str, events: &mut Vec<Event>) {
        let field = |name: &str| {
            let start = text.find(&format!(" {name}="))? + name.len() + 2;
            text.get(start..)?.split(' ').next()
        };
        match kind {
            LANDLOCK_ACCESS => {
                let (Some(domain), Some(event)) = (field("domain"), refusal(text, &field)) else {
                    return;
                };
                if self.pending.len() == PENDING {
                    self.pending.pop_front();
                }
                self.pending.push_back((domain.to_owned(), event));
            }
            LANDLOCK_DOMAIN => {
                let own = self.pid.map(|pid| pid.to_string());
                if own.is_some() && field("pid") == own.as_deref() {
                    self.domains.extend(field("domain").map(str::to_owned));
                }
            }
            END_OF_EVENT => {
                for (domain, event) in self.pending.drain(..) {
                    if self.domains.contains(&domain) {
                        events.push(event);
                    }
                }
            }
            _ => {}
        }
    }
}

/// An event out of an access record.
fn refusal<'a>(text: &str, field: &dyn Fn(&str) -> Option<&'a str>) -> Option<Event> {
    let blockers = field("blockers")?;
    let resource = match (path(text), field("daddr").or_else(|| field("saddr"))) {
        (Some(path), _) => path,
        (None, Some(address)) => {
            let port = field("dest").or_else(|| field("src")).unwrap_or("0");
            if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            }
        }
        (None, None) => {
            let port = field("dest").or_else(|| field("src")).map(|port| format!("port {port}"));
            port.or_else(|| field("opid").map(|pid| format!("process {pid}"))).unwrap_or_default()
        }
    };
    let mut event = Event::new(Kind::Denial, "", "", Layer::Landlock, action(blockers), resource);
    event.reason = format!("Landlock refuses {blockers}");
    Some(event)
}

fn action(blockers: &str) -> Action {
    const CHANGES: [&str; 4] = ["fs.write_file", "fs.truncate", "fs.remove", "fs.make"];
    let has = |name: &str| blockers.split(',').any(|blocker| blocker.starts_with(name));
    if has("net.connect_tcp") {
        Action::Connect
    } else if has("net.bind_tcp") {
        Action::Bind
    } else if has("scope.abstract_unix_socket") {
        Action::UnixConnect
    } else if has("scope.signal") || has("ptrace") {
        Action::Signal
    } else if has("fs.execute") {
        Action::Exec
    } else if CHANGES.iter().any(|name| has(name)) || has("fs.refer") {
        Action::Change
    } else {
        Action::Open
    }
}

/// The path of a record: quoted when it is plain, else hexadecimal digits.
fn path(text: &str) -> Option<String> {
    let value = text.split_once(" path=")?.1;
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.split_once('"').map(|(path, _)| path.to_owned());
    }
    let digits = value.split(' ').next()?.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "audit(1795374959.366:276): domain=1c8f85a5f blockers=fs.read_file path=\"/etc/hostname\" dev=\"vda\" ino=611";
    const CONNECT: &str = "audit(1795374959.366:277): domain=1c8f85a5f blockers=net.connect_tcp daddr=127.0.0.1 dest=9";
    const DOMAIN: &str = "audit(1795374959.366:276): domain=1c8f85a5f status=allocated mode=enforcing pid=7530 uid=0 exe=\"/usr/bin/python3\" comm=\"python3\"";

    fn read(pid: u32, records: &[(u16, &str)]) -> Vec<(Action, String)> {
        let mut reader = Reader { pid: Some(pid), ..Reader::default() };
        let mut events = Vec::new();
        for (kind, text) in records {
            reader.take(*kind, text, &mut events);
        }
        events.into_iter().map(|event| (event.action, event.resource)).collect()
    }

    #[test]
    fn refusals_of_the_services_domain_are_events() {
        let records = [
            (LANDLOCK_ACCESS, OPEN),
            (LANDLOCK_DOMAIN, DOMAIN),
            (END_OF_EVENT, "audit(1795374959.366:276): "),
            (LANDLOCK_ACCESS, CONNECT),
            (END_OF_EVENT, "audit(1795374959.366:277): "),
        ];
        let expected = [
            (Action::Open, "/etc/hostname".to_owned()),
            (Action::Connect, "127.0.0.1:9".to_owned()),
        ];
        assert_eq!(read(7530, &records), expected);
    }

    #[test]
    fn refusals_of_other_domains_are_nobodys_business() {
        let records = [(LANDLOCK_ACCESS, OPEN), (LANDLOCK_DOMAIN, DOMAIN), (END_OF_EVENT, "")];
        assert_eq!(read(1, &records), []);
    }

    #[test]
    fn a_path_with_unusual_bytes_is_read_from_its_digits() {
        let text = "audit(1:1): domain=1 blockers=fs.write_file path=2F746D702F6120620A dev=\"x\"";
        assert_eq!(path(text).as_deref(), Some("/tmp/a b\n"));
        assert_eq!(path("audit(1:1): domain=1 path=zz"), None);
    }
}
