//! Whether something is granted now: the decisions of the enforcement, asked without the act.
//!
//! For files both locks must agree: Node's own flags, which compare paths as they are written, and
//! what the service's root shows at the place the path leads to. What the permission bits of a file
//! add is not asked. A name is granted whether or not it resolves to an address that may be reached.

use super::facts::{Facts, Taken};
use super::message::{Failure, Question};
use crate::plan::Access;
use ringfence_policy::display::quoted;
use ringfence_policy::model::Network;
use ringfence_policy::net::{HostName, HostPattern, ListenPlace, Refusal, Target, Transport};
use ringfence_policy::scope::Scope;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};

/// Parents of a missing path that are looked at.
const CLIMBS: usize = 32;

/// Everything that is asked for an answer.
pub(crate) struct Truth<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) taken: &'a Taken,
    pub(crate) network: &'a Network,
    /// The decision about a connection to a literal address.
    pub(crate) reaches: &'a dyn Fn(Transport, SocketAddr) -> Result<(), Refusal>,
    /// Where a path leads in the service's root.
    pub(crate) leads: &'a dyn Fn(&Path) -> Led,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Led {
    /// To the object at this real path.
    To(PathBuf),
    /// Nothing is there.
    Missing,
    /// The way cannot be gone.
    Nowhere,
}

type Answer = Result<(), Failure>;

impl Truth<'_> {
    /// Whether it is granted.
    ///
    /// # Errors
    /// The question cannot be meant.
    pub(crate) fn has(&self, question: &Question) -> Result<bool, Failure> {
        match self.assert(question) {
            Ok(()) => Ok(true),
            Err(failure) if failure.code == "denied" => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Nothing when it is granted.
    ///
    /// # Errors
    /// `denied` with the missing grant, or the question cannot be meant.
    pub(crate) fn assert(&self, question: &Question) -> Answer {
        self.decide(question).map_err(|mut failure| {
            failure.missing_grant = self.facts.naming.line(failure.missing_grant.take());
            failure
        })
    }

    fn decide(&self, question: &Question) -> Answer {
        let reference = question.reference.as_deref();
        if reference.is_some_and(|text| text.is_empty() || text.contains('\0')) {
            return Err(Failure::bad_reference("the reference is empty or holds a zero byte")
                .hint("leave it out to ask about the whole scope"));
        }
        let process = &self.facts.process;
        // Without its own flags Node refuses none of these.
        let open = !process.node_flags;
        match question.scope {
            Scope::Fs => self.file(reference, true).and_then(|()| self.file(reference, false)),
            Scope::FsRead => self.file(reference, false),
            Scope::FsWrite => self.file(reference, true),
            Scope::Net => self.net(reference),
            Scope::NetConnect => self.outbound(Transport::Tcp, reference),
            Scope::NetUdp => self.outbound(Transport::Udp, reference),
            Scope::NetListen => self.listen(reference),
            Scope::NetUnix => self.unix(reference),
            Scope::Child => self.child(reference),
            Scope::Worker => switch(open || process.workers, "process.workers"),
            Scope::Addon if process.addons.is_empty() => {
                Err(denied("process.addons is empty", None))
            }
            Scope::Addon => Ok(()),
            Scope::Wasi => switch(open || process.wasi, "process.wasi"),
            Scope::Ffi => switch(open || process.ffi, "process.ffi"),
            Scope::Inspector => switch(open || process.inspector, "process.inspector"),
            Scope::OpensslStore if open => Ok(()),
            Scope::OpensslStore => Err(denied("no boundary grants stores of OpenSSL", None)),
            Scope::Env => self.env(reference),
            Scope::Secret => self.secret(reference),
        }
    }

    fn file(&self, reference: Option<&str>, write: bool) -> Answer {
        let key = if write { "fs.write" } else { "fs.read" };
        let Some(text) = reference else {
            return Err(denied(format!("{key} grants paths, never everything"), None));
        };
        let path = absolute(text)?;
        let missing = |reason: &str| {
            let plain = !text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\'));
            let grant = plain.then(|| format!("{key} = [\"{}\"]", path.display()));
            denied(format!("{reason} {}", quoted(text)), grant)
        };
        let real = self.real(Path::new(text)).ok_or_else(|| missing("no grant shows"))?;
        if self.taken.hides(&real) || self.taken.hides(&path) {
            return Err(denied(
                format!("{} was dropped while the service ran", quoted(text)),
                None,
            ));
        }
        let enough = match self.facts.access(&real) {
            None => false,
            Some(access) => !write || access == Access::Write,
        };
        if enough && self.facts.flags_name(&path, write) {
            return Ok(());
        }
        Err(missing(if write { "no grant lets the service write" } else { "no grant shows" }))
    }

    /// Where a path leads; one that is not there yet, where it would be made.
    fn real(&self, path: &Path) -> Option<PathBuf> {
        let mut rest = Vec::new();
        for parent in path.ancestors().take(CLIMBS) {
            match (self.leads)(parent) {
                Led::To(real) => {
                    let rest = rest.into_iter().rev();
                    return Some(rest.fold(real, |real, name| real.join(name)));
                }
                Led::Missing => match parent.components().next_back()? {
                    Component::Normal(name) => rest.push(name),
                    // Through what is not there leads no way.
                    _ => return None,
                },
                Led::Nowhere => return None,
            }
        }
        None
    }

    fn net(&self, reference: Option<&str>) -> Answer {
        match reference {
            Some(path) if path.starts_with('/') => self.unix(reference),
            Some(_) => self.outbound(Transport::Tcp, reference),
            None => [Transport::Tcp, Transport::Udp]
                .into_iter()
                .map(|transport| self.outbound(transport, None))
                .chain([self.listen(None), self.unix(None)])
                .find(Result::is_ok)
                .unwrap_or_else(|| Err(denied("[net] grants nothing", None))),
        }
    }

    fn outbound(&self, transport: Transport, reference: Option<&str>) -> Answer {
        let Some(text) = reference else {
            let grants = match transport {
                Transport::Tcp => &self.network.connect,
                Transport::Udp => &self.network.udp,
            };
            let key = transport.outbound_key();
            return granted(!grants.is_empty(), || format!("{key} grants nothing"));
        };
        if let Ok(to) = text.parse::<SocketAddr>() {
            if to.port() == 0 {
                return Err(Failure::bad_reference("port 0 cannot be connected to"));
            }
            return (self.reaches)(transport, to).map_err(Failure::denied);
        }
        if let Some((addresses, port)) = localhost(text) {
            return self.localhost(transport, addresses, port);
        }
        match Target::parse(text) {
            Ok(target) => self.network.covers(transport, &target).map_err(Failure::denied),
            Err(error) if error.never => Err(denied(error.message, None)),
            Err(error) => {
                let failure = Failure::bad_reference(error.message);
                Err(match error.hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                })
            }
        }
    }

    /// Programs that connect to localhost arrive at either address.
    fn localhost(&self, transport: Transport, at: [IpAddr; 2], port: Option<u16>) -> Answer {
        let [v4, v6] = at.map(|ip| {
            if let Some(port) = port {
                return (self.reaches)(transport, SocketAddr::new(ip, port));
            }
            let host = HostPattern::Address(ip);
            self.network.covers(transport, &Target { host, ports: None })
        });
        v4.or(v6).map_err(Failure::denied)
    }

    fn listen(&self, reference: Option<&str>) -> Answer {
        let network = self.network;
        let Some(text) = reference else {
            let any = !network.listen.is_empty() || !network.udp_listen.is_empty();
            return granted(any, || "net.listen grants nothing".to_owned());
        };
        let at: Vec<SocketAddr> = match (text.parse(), localhost(text), text.parse::<IpAddr>()) {
            (Ok(at), ..) => vec![at],
            (_, Some((ips, Some(port))), _) => ips.map(|ip| SocketAddr::new(ip, port)).to_vec(),
            (_, _, Ok(ip)) => {
                let mut all = network.listen.iter().chain(&network.udp_listen);
                let any = all.any(|grant| grant.value.address == ip);
                return granted(any, || format!("no grant in net.listen names {ip}"));
            }
            _ => {
                return Err(Failure::bad_reference(format!(
                    "not an address and port to listen on: {}",
                    quoted(text)
                ))
                .hint("write a literal address and a port, such as 127.0.0.1:8080"));
            }
        };
        let on_host = |transport| {
            at.iter().any(|at| matches!(network.listen(transport, *at), Ok(ListenPlace::Host(_))))
        };
        if on_host(Transport::Tcp) || on_host(Transport::Udp) {
            return Ok(());
        }
        let shown = at.first().map(ToString::to_string).unwrap_or_default();
        let dropped = |at: &SocketAddr| network.listen_dropped(Transport::Tcp, *at);
        if let Some(refusal) = at.iter().find_map(dropped) {
            return Err(Failure::denied(refusal));
        }
        let grant = format!("net.listen = [\"{shown}\"]");
        Err(denied(format!("no grant in net.listen holds {shown}"), Some(grant)))
    }

    fn unix(&self, reference: Option<&str>) -> Answer {
        let Some(text) = reference else {
            return granted(!self.facts.unix.is_empty() && !self.network.unix.is_empty(), || {
                "net.unix grants nothing".to_owned()
            });
        };
        let path = absolute(text)?;
        let known = self.facts.unix.iter().find(|s| s.named == path || s.real == path);
        match known {
            Some(socket) if !self.taken.hides(&socket.real) => Ok(()),
            Some(_) => {
                Err(denied(format!("{} was dropped while the service ran", quoted(text)), None))
            }
            None => self.network.may_connect_unix(text).map(drop).map_err(Failure::denied),
        }
    }

    fn child(&self, reference: Option<&str>) -> Answer {
        if self.taken.children {
            return Err(denied("child was dropped while the service ran", None));
        }
        let Some(text) = reference else {
            let any = !self.facts.children.is_empty();
            return granted(any, || "process.children is empty".to_owned());
        };
        let path = absolute(text)?;
        let real = match (self.leads)(&path) {
            Led::To(real) => real,
            Led::Missing | Led::Nowhere => path.clone(),
        };
        if self.facts.children.contains(&real) {
            return Ok(());
        }
        self.facts.process.child(&path.to_string_lossy()).map(drop).map_err(Failure::denied)
    }

    fn env(&self, reference: Option<&str>) -> Answer {
        let Some(name) = reference else { return Ok(()) };
        if name.contains('=') {
            return Err(Failure::bad_reference("a value where a name belongs")
                .hint("ask for the name of the variable"));
        }
        if self.facts.env.iter().any(|known| known == name) {
            return Ok(());
        }
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let grant = plain.then(|| format!("env.pass = [\"{name}\"]"));
        Err(denied(format!("{} is not given to the service", quoted(name)), grant))
    }

    fn secret(&self, reference: Option<&str>) -> Answer {
        let left = |name: &str| !self.taken.secrets.iter().any(|taken| taken == name);
        let mut secrets = self.facts.secrets.iter().map(|(name, _)| name);
        let Some(asked) = reference else {
            let any = secrets.any(|name| left(name));
            return granted(any, || "the service has no secret".to_owned());
        };
        if !secrets.any(|name| name == asked) {
            return Err(denied(format!("there is no secret {}", quoted(asked)), None));
        }
        granted(left(asked), || format!("{} was dropped while the service ran", quoted(asked)))
    }
}

fn denied(reason: impl Into<String>, missing_grant: Option<String>) -> Failure {
    Failure::denied(Refusal { reason: reason.into(), missing_grant })
}

fn granted(yes: bool, reason: impl FnOnce() -> String) -> Answer {
    if yes { Ok(()) } else { Err(denied(reason(), None)) }
}

/// A grant of Node's own insides.
fn switch(on: bool, key: &str) -> Answer {
    if on { Ok(()) } else { Err(denied(format!("{key} is false"), Some(format!("{key} = true")))) }
}

/// A path as text alone says it; relative ones mean nothing here, because the caller's folder is
/// the caller's.
pub(crate) fn absolute(text: &str) -> Result<PathBuf, Failure> {
    if !text.starts_with('/') {
        return Err(Failure::bad_reference(format!("not an absolute path: {}", quoted(text)))
            .hint("write the whole path, from /"));
    }
    Ok(crate::resolve::tidy(Path::new(text)))
}

/// The addresses and the port of a name for this host.
fn localhost(text: &str) -> Option<([IpAddr; 2], Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (text, None),
    };
    let name = HostName::parse(host).ok()?;
    let own = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    name.is_localhost().then_some((own, port))
}

#[cfg(test)]
mod tests {
    use super::super::facts::testing::{facts, leads};
    use super::*;

    const NET: &str = r#"
        connect = ["api.internal:443", "*.example.com:443", "10.1.0.0/16:5432", "127.0.0.1:6379"]
        listen = ["127.0.0.1:8080"]
        unix = ["/run/db.sock"]
    "#;

    fn network() -> Network {
        let text = format!(
            "schema = 1\n[service]\nname = \"t\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n[net]\n{NET}"
        );
        ringfence_policy::parse("test.toml", &text).unwrap().net
    }

    fn ask(taken: &Taken, scope: Scope, reference: Option<&str>) -> Result<bool, Failure> {
        let network = network();
        let reaches = |transport, to| network.connect_address(transport, to).map(drop);
        let facts = facts();
        let (reaches, leads) = (&reaches, &leads);
        let truth = Truth { facts: &facts, taken, network: &network, reaches, leads };
        truth.has(&Question { scope, reference: reference.map(str::to_owned) })
    }

    fn has(scope: Scope, reference: &str) -> bool {
        ask(&Taken::default(), scope, Some(reference)).unwrap()
    }

    #[test]
    fn files_are_granted_where_both_locks_agree() {
        use Scope::{Fs, FsRead, FsWrite};
        for (scope, path, granted) in [
            (FsRead, "/app", true),
            (FsRead, "/app/deep/x.js", true),
            (FsRead, "/app/../etc/shadow", false),
            (FsRead, "/application", false),
            (FsRead, "/etc/shadow", false),
            // Out of the grant by a link, as the kernel sees it.
            (FsRead, "/app/link", false),
            // Another way to the grant, which Node's flags do not name.
            (FsRead, "/current", false),
            // What lies over a grant hides it.
            (FsRead, "/app/dev-secret", false),
            // Shown for the loader, and not by Node's flags.
            (FsRead, "/lib/libc.so", false),
            (FsRead, "/data/new/file", true),
            (FsRead, "/app/new/../../etc/shadow", false),
            (FsRead, "/app/loop", false),
            (FsWrite, "/app/x", false),
            (FsWrite, "/data/new", true),
            (FsWrite, "/data/fixed/x", false),
            (FsWrite, "/tmp/x", true),
            (Fs, "/data/x", true),
            (Fs, "/app/x", false),
        ] {
            assert_eq!(has(scope, path), granted, "{scope} {path}");
        }
        assert!(!ask(&Taken::default(), FsRead, None).unwrap(), "never everything");
    }

    #[test]
    fn what_was_dropped_is_not_granted() {
        let taken = Taken {
            paths: vec!["/app/certs".into(), "/srv/db.sock".into(), "/run/secrets/jwt".into()],
            secrets: vec!["jwt".to_owned()],
            children: true,
        };
        for (scope, reference) in [
            (Scope::FsRead, "/app/certs"),
            (Scope::FsRead, "/app/certs/tls.key"),
            (Scope::FsRead, "/run/secrets/jwt"),
            (Scope::NetUnix, "/run/db.sock"),
            (Scope::Secret, "jwt"),
            (Scope::Child, "/usr/bin/git"),
        ] {
            assert!(has(scope, reference), "control: {scope} {reference}");
            assert!(!ask(&taken, scope, Some(reference)).unwrap(), "{scope} {reference}");
        }
        assert!(ask(&taken, Scope::FsRead, Some("/app/x")).unwrap());
        assert!(ask(&taken, Scope::Secret, Some("db")).unwrap());
    }

    #[test]
    fn the_network_is_asked_as_a_connection_would_be() {
        use Scope::{Net, NetConnect, NetListen, NetUdp, NetUnix};
        for (scope, reference, granted) in [
            (Net, "api.internal:443", true),
            (Net, "API.internal:443", true),
            (Net, "api.internal:80", false),
            (Net, "api.internal", true),
            (Net, "other.test", false),
            (Net, "deep.a.example.com:443", true),
            (Net, "example.com:443", false),
            (Net, "10.1.2.3:5432", true),
            (Net, "10.1.0.0/16:5432", true),
            (Net, "[::ffff:10.1.2.3]:5432", true),
            (Net, "localhost:6379", true),
            (Net, "localhost:1", false),
            (Net, "localhost", true),
            (Net, "169.254.169.254:80", false),
            (Net, "metadata.google.internal:80", false),
            (Net, "/run/db.sock", true),
            (NetConnect, "127.0.0.1:6379", true),
            (NetUdp, "api.internal:443", false),
            (NetListen, "127.0.0.1:8080", true),
            (NetListen, "localhost:8080", true),
            (NetListen, "127.0.0.1:8081", false),
            (NetListen, "127.0.0.1", true),
            (NetUnix, "/run//db.sock", true),
            (NetUnix, "/run/docker.sock", false),
        ] {
            assert_eq!(has(scope, reference), granted, "{scope} {reference}");
        }
        for (scope, any) in [(Net, true), (NetConnect, true), (NetUdp, false), (NetListen, true)] {
            assert_eq!(ask(&Taken::default(), scope, None), Ok(any), "{scope}");
        }
    }

    #[test]
    fn a_reference_that_cannot_be_meant_is_an_error_and_not_false() {
        for (scope, reference) in [
            (Scope::Net, ""),
            (Scope::Net, ":443"),
            (Scope::Net, "api.internal:0"),
            (Scope::Net, "127.0.0.1:0"),
            (Scope::Net, "https://api.internal"),
            (Scope::Net, "a,b"),
            (Scope::NetListen, "8080"),
            (Scope::NetUnix, "db.sock"),
            (Scope::FsRead, "./x"),
            (Scope::FsRead, "/a\0b"),
            (Scope::Env, "PATH=/bin"),
            (Scope::Child, "git"),
        ] {
            let failure = ask(&Taken::default(), scope, Some(reference)).unwrap_err();
            assert_eq!(failure.code, "bad-reference", "{scope} {reference}");
        }
    }

    #[test]
    fn a_denial_names_the_line_that_is_missing() {
        let network = network();
        let reaches = |transport, to| network.connect_address(transport, to).map(drop);
        let (facts, taken) = (facts(), Taken::default());
        let (reaches, leads) = (&reaches, &leads);
        let truth = Truth { facts: &facts, taken: &taken, network: &network, reaches, leads };
        for (scope, reference, grant) in [
            (Scope::Net, Some("evil.test:443"), Some("net.connect = [\"evil.test:443\"]")),
            (Scope::NetListen, Some("127.0.0.1:1"), Some("net.listen = [\"127.0.0.1:1\"]")),
            (Scope::FsRead, Some("/etc/x"), Some("fs.read = [\"/etc/x\"]")),
            (Scope::FsWrite, Some("/app/x"), Some("fs.write = [\"/app/x\"]")),
            (Scope::FsRead, Some("/etc/\"x"), None),
            (Scope::FsRead, Some("/etc/shadow"), None),
            (Scope::FsRead, Some("/home/ann/.ssh"), None),
            (Scope::Worker, None, Some("process.workers = true")),
            (Scope::Env, Some("DEBUG"), Some("env.pass = [\"DEBUG\"]")),
            (Scope::Child, Some("/bin/date"), Some("process.children = [\"/bin/date\"]")),
            (Scope::Child, Some("/bin/sh"), None),
            (Scope::Child, Some("/usr/bin/npm"), None),
            (Scope::NetUnix, Some("/run/docker.sock"), None),
            (Scope::Net, Some("169.254.169.254:80"), None),
            (Scope::Secret, Some("other"), None),
        ] {
            let question = Question { scope, reference: reference.map(str::to_owned) };
            let failure = truth.assert(&question).unwrap_err();
            assert_eq!(failure.code, "denied", "{scope} {reference:?}");
            assert_eq!(failure.missing_grant.as_deref(), grant, "{scope} {reference:?}");
        }
    }
}
