//! What was tried, and whether a boundary allows it.
//!
//! Decisions are those of `policy`, the same that the broker and `resolve` ask. What is said here
//! of files is said from their paths; a host that can be asked resolves the boundary and decides.

use super::context::{Context, Host, Look};
use super::grant::{Grant, lines};
use super::judge;
use super::paths;
use super::report::{Advice, shown};
use ringfence_policy::model::Boundary;
use ringfence_policy::net::{HostName, ListenPlace, Refusal, Transport};
use std::net::{IpAddr, SocketAddr};

/// One access that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// An outbound connection or datagram.
    Connect(Transport, Target, u16),
    /// Starting a program, by its absolute path.
    Exec(String),
    /// FFI inside Node.
    Ffi,
    /// The inspector.
    Inspector,
    /// A listener.
    Listen(Transport, SocketAddr),
    /// Reading a file or folder, by its absolute path.
    Read(String),
    /// Connecting to a unix socket, by its absolute path.
    Unix(String),
    /// Having an environment variable.
    Variable(String),
    /// WASI inside Node.
    Wasi,
    /// A worker thread inside Node.
    Worker,
    /// Writing or making a file or folder, by its absolute path.
    Write(String),
}

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A literal address.
    Address(IpAddr),
    /// A name.
    Name(HostName),
}

impl Target {
    /// An address or a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        match text.parse() {
            Ok(address) => Some(Self::Address(address)),
            Err(_) => HostName::parse(text).ok().map(Self::Name),
        }
    }
}

/// What a boundary says about an access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is granted.
    Allowed,
    /// It is not; the reason without a period, and the line that refusals name.
    Refused(String, Option<String>),
}

impl From<Refusal> for Decision {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.reason, refusal.missing_grant)
    }
}

/// What to do about an access.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The boundary allows it already.
    Already,
    /// A grant is missing, and it helps.
    Missing(Advice),
    /// A grant would help and should not be given.
    Never(super::code::Code, Advice),
    /// No grant can be named: the reason.
    Nothing(String),
}

impl Access {
    /// Whether a boundary whose file lies in `folder` allows it.
    #[must_use]
    pub fn decide(&self, boundary: &Boundary, folder: &str, host: &dyn Host) -> Decision {
        let allowed = |allowed: bool, reason: &str, line: &str| {
            if allowed {
                Decision::Allowed
            } else {
                Decision::Refused(reason.to_owned(), Some(line.to_owned()))
            }
        };
        let process = &boundary.process;
        // Without its own flags Node refuses none of these.
        let open = !process.node_flags;
        match self {
            Self::Connect(transport, target, port) => connect(boundary, *transport, target, *port),
            Self::Exec(path) => {
                let process = process.in_folder(folder);
                process.child(path).map_or_else(Into::into, |_| Decision::Allowed)
            }
            Self::Ffi => allowed(open || process.ffi, "process.ffi is off", "process.ffi = true"),
            Self::Inspector => {
                let granted = open || process.inspector;
                allowed(granted, "process.inspector is off", "process.inspector = true")
            }
            Self::Listen(transport, address) => match boundary.net.listen(*transport, *address) {
                Ok(ListenPlace::Host(_)) => Decision::Allowed,
                Ok(ListenPlace::Private) => Decision::Refused(
                    format!("no grant in {} names {address}", transport.listen_key()),
                    None,
                ),
                Err(refusal) => refusal.into(),
            },
            Self::Read(path) => file(boundary, folder, host, path, false),
            Self::Write(path) => file(boundary, folder, host, path, true),
            Self::Unix(path) => unix(boundary, folder, path),
            Self::Variable(name) => {
                if boundary.env.set.contains_key(name) {
                    return Decision::Allowed;
                }
                boundary.env.passes(name).map_or_else(Into::into, |()| Decision::Allowed)
            }
            Self::Wasi => {
                allowed(open || process.wasi, "process.wasi is off", "process.wasi = true")
            }
            Self::Worker => {
                allowed(open || process.workers, "process.workers is off", "process.workers = true")
            }
        }
    }

    /// The connection that a line such as `net.connect = ["api.internal:443"]` allows: a refusal
    /// names it by what the file would say, where its resource is an address.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let grant = Grant::of_line(line)?;
        let transport = match (grant.section, grant.key) {
            ("net", "connect") => Transport::Tcp,
            ("net", "udp") => Transport::Udp,
            _ => return None,
        };
        let (host, port) = super::read::endpoint(grant.value.trim_matches('"'))?;
        Some(Self::Connect(transport, Target::parse(host)?, port))
    }

    /// What to do about it. The grant that is named was tried: with it the decision is another.
    pub(crate) fn outcome(&self, context: &Context<'_>) -> Outcome {
        let empty = nothing_granted();
        let boundary = context.setting.map(|setting| setting.boundary).or(empty.as_ref());
        let folder = context.setting.map_or("", |setting| setting.folder);
        let Some(boundary) = boundary else { return Outcome::Nothing(String::new()) };
        let refused = match self.decide(boundary, folder, context.host) {
            Decision::Allowed => return Outcome::Already,
            Decision::Refused(reason, line) => (reason, line),
        };
        if let Some(judgement) = judge::never(self, context) {
            let advice = Advice::Refuse { why: judgement.why, instead: judgement.instead };
            return Outcome::Never(judgement.code, advice);
        }
        // It stands for another name at the next start.
        if let Self::Connect(_, Target::Address(ip), port) = self
            && is_synthetic(*ip)
        {
            return Outcome::Nothing(format!(
                "{ip} stands for a granted name inside the boundary: grant the name with port {port}"
            ));
        }
        let (reason, line) = refused;
        // A wildcard that several grants fit: the answer is to choose one, not to grant more.
        if matches!(self, Self::Listen(..)) && line.is_some() {
            return Outcome::Nothing(reason);
        }
        let Some(grant) = self.grant(context, line.as_deref()) else {
            return Outcome::Nothing(reason);
        };
        match grant.apply(boundary) {
            Err(why) => Outcome::Nothing(why),
            Ok(changed) => match self.decide(&changed, folder, context.host) {
                Decision::Refused(why, _) => Outcome::Nothing(why),
                Decision::Allowed => {
                    let grants = vec![grant];
                    let lines = lines(&grants, context.setting.as_ref());
                    let note = judge::note(self, &grants, context);
                    Outcome::Missing(Advice::Grant { grants, lines, note })
                }
            },
        }
    }

    /// The grant that could allow it; `line` is what the refusal named.
    fn grant(&self, context: &Context<'_>, line: Option<&str>) -> Option<Grant> {
        match self {
            Self::Read(path) => {
                let text = paths::to_grant(path, false, context)?;
                // A start refuses a path of `fs.read` that does not exist.
                let absent =
                    context.host.look(path) == Look::Missing && !text.contains("node_modules");
                Grant::item("fs", if absent { "optional" } else { "read" }, &text)
            }
            Self::Write(path) => Grant::item("fs", "write", &paths::to_grant(path, true, context)?),
            Self::Listen(transport, address) => {
                let key = match transport {
                    Transport::Tcp => "listen",
                    Transport::Udp => "udp-listen",
                };
                let ip = if address.ip().is_unspecified() {
                    IpAddr::from([127, 0, 0, 1])
                } else {
                    address.ip()
                };
                Grant::item("net", key, &SocketAddr::new(ip, address.port()).to_string())
            }
            Self::Connect(..)
            | Self::Exec(_)
            | Self::Ffi
            | Self::Inspector
            | Self::Unix(_)
            | Self::Variable(_)
            | Self::Wasi
            | Self::Worker => Grant::of_line(line?),
        }
    }
}

/// Whether an address is one of those that stand for a name inside a boundary.
pub(crate) fn is_synthetic(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(v6) => v6.segments()[..4] == [0xfd52, 0x6e67, 0, 0],
    }
}

/// A boundary that grants nothing, for a text without one.
fn nothing_granted() -> Option<Boundary> {
    const TEXT: &str = "schema = 1\n[service]\nname = \"x\"\nstart = [\"/x\"]\n[fs]\nread = []\n";
    ringfence_policy::parse("ringfence.toml", TEXT).ok()
}

fn connect(boundary: &Boundary, transport: Transport, target: &Target, port: u16) -> Decision {
    let net = &boundary.net;
    match target {
        Target::Name(name) => {
            net.connect_name(transport, name, port).map_or_else(Into::into, |_| Decision::Allowed)
        }
        Target::Address(address) => net
            .connect_address(transport, SocketAddr::new(*address, port))
            .map_or_else(Into::into, |_| Decision::Allowed),
    }
}

fn unix(boundary: &Boundary, folder: &str, path: &str) -> Decision {
    let mut net = boundary.net.clone();
    for grant in &mut net.unix {
        grant.value = paths::join(folder, &grant.value);
    }
    // Sockets of the service's own are in its private folders or where it may write.
    if paths::is_private(path) || paths::covers(&boundary.fs.write, folder, path) {
        return Decision::Allowed;
    }
    net.may_connect_unix(path).map_or_else(Into::into, |_| Decision::Allowed)
}

fn file(boundary: &Boundary, folder: &str, host: &dyn Host, path: &str, write: bool) -> Decision {
    let key = if write { "fs.write" } else { "fs.read" };
    // What the host has at the place of a generated file says nothing about it.
    if !write && (delivered(boundary, path) || paths::is_generated(path)) {
        return Decision::Allowed;
    }
    // What does not exist yet is judged by the folder it would be in.
    let known = match host.look(path) {
        Look::File | Look::Folder => host.shows(boundary, path, write),
        Look::Missing if write && host.look(paths::parent(path)) == Look::Folder => {
            host.shows(boundary, paths::parent(path), write)
        }
        Look::Missing | Look::Unknown => None,
    };
    let fs = &boundary.fs;
    let allowed = known.unwrap_or_else(|| {
        // The folder of a project in /tmp is not the /tmp that is seen inside.
        let own = !folder.is_empty() && paths::is_in(&paths::join("/", path), folder);
        (paths::is_private(path) && !own)
            || paths::covers(&fs.write, folder, path)
            || (!write
                && (paths::is_everywhere(path)
                    || [&fs.read, &fs.optional, &fs.droppable]
                        .iter()
                        .any(|list| paths::covers(list, folder, path))))
    });
    if allowed {
        return Decision::Allowed;
    }
    Decision::Refused(format!("no grant in {key} covers {}", shown(path)), None)
}

/// Whether a secret is delivered at this path.
fn delivered(boundary: &Boundary, path: &str) -> bool {
    boundary.secrets.iter().any(|secret| match &secret.delivery {
        ringfence_policy::model::Delivery::File(to) => to.value == path,
        _ => false,
    })
}
