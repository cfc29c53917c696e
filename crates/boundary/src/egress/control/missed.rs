//! Why a drop took nothing away: it was dropped before, or never granted, or not as it was asked.

use super::narrow::Ground;
use crate::control::message::{Failure, Question};
use ringfence_policy::display::quoted;
use ringfence_policy::model::Network;
use ringfence_policy::net::{Target, Transport, Whole};
use ringfence_policy::scope::Scope;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Most grants that are listed.
const LISTED: usize = 8;
/// What holds for grants that are named as the file names them.
const AS_GRANTED: &str = "a grant is dropped as it stands in the boundary file, or a part of it";

/// A drop of which the plan is empty; nothing of the grants has changed.
pub(super) struct Missed<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) network: &'a Network,
}

impl Missed<'_> {
    /// The answer.
    pub(super) fn failure(&self, question: &Question) -> Failure {
        let reference = question.reference.as_deref();
        let (message, hint) = match (question.scope, reference) {
            (Scope::Net, Some(path)) if path.starts_with('/') => self.unix(Some(path)),
            (Scope::Net | Scope::NetConnect | Scope::NetUdp, _) => {
                self.outbound(question.scope, reference)
            }
            (Scope::NetListen, _) => self.listen(reference),
            (Scope::NetUnix, _) => self.unix(reference),
            (Scope::Secret, _) => self.secret(reference),
            (Scope::Child, _) => self.child(),
            (scope, Some(path)) => self.file(scope, path),
            (scope, None) => (format!("{scope} is not granted"), AS_GRANTED.to_owned()),
        };
        Failure::new("nothing-dropped", message).hint(hint)
    }

    fn outbound(&self, scope: Scope, reference: Option<&str>) -> (String, String) {
        let whole = &self.network.cuts.whole;
        let Some(target) = reference.and_then(|text| Target::parse(text).ok()) else {
            let any = match scope {
                Scope::Net => *whole != Whole::default(),
                Scope::NetConnect => whole.outbound.iter().any(|(of, _)| *of == Transport::Tcp),
                _ => whole.outbound.iter().any(|(of, _)| *of == Transport::Udp),
            };
            return all(scope, any);
        };
        let transports: &[Transport] = match scope {
            Scope::Net => &[Transport::Tcp, Transport::Udp],
            Scope::NetConnect => &[Transport::Tcp],
            _ => &[Transport::Udp],
        };
        let refused = |transport: &Transport| {
            let refusal = self.network.covers(*transport, &target).err()?;
            Some(already(&refusal.reason))
        };
        let mut reasons: Vec<String> = transports.iter().filter_map(refused).collect();
        // What says most: it was dropped, or it is granted otherwise, or it never was.
        let rank = |reason: &String| {
            [" dropped already", " is granted at "]
                .iter()
                .position(|w| reason.contains(w))
                .unwrap_or(2)
        };
        reasons.sort_by_key(rank);
        let never = || format!("no grant covers {target}");
        (reasons.into_iter().next().unwrap_or_else(never), AS_GRANTED.to_owned())
    }

    fn listen(&self, reference: Option<&str>) -> (String, String) {
        let network = self.network;
        let Some(text) = reference else {
            return all(Scope::NetListen, !network.cuts.whole.listen.is_empty());
        };
        let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
        let at = text.parse().ok().or_else(alone);
        let dropped = |at| {
            let mut both = [Transport::Tcp, Transport::Udp].into_iter();
            both.find_map(|transport| network.listen_dropped(transport, at))
        };
        if let Some(refusal) = at.and_then(dropped) {
            return (already(&refusal.reason), AS_GRANTED.to_owned());
        }
        let granted = network.listen.iter().chain(&network.udp_listen);
        let granted = list("net.listen", granted.map(|grant| grant.value.to_string()));
        (format!("no listener is granted at {}", quoted(text)), granted)
    }

    fn unix(&self, reference: Option<&str>) -> (String, String) {
        let Ground { facts, taken, .. } = self.ground;
        let Some(text) = reference else { return all(Scope::NetUnix, !facts.unix.is_empty()) };
        let path = crate::resolve::tidy(Path::new(text));
        let known = facts.unix.iter().find(|socket| socket.named == path || socket.real == path);
        if known.is_some_and(|socket| taken.hides(&socket.real)) {
            return (format!("{} was dropped already", quoted(text)), AS_GRANTED.to_owned());
        }
        let granted = facts.unix.iter().filter(|socket| !taken.hides(&socket.real));
        let granted = granted.map(|socket| quoted(&socket.named.to_string_lossy()).to_string());
        (format!("net.unix does not name {}", quoted(text)), list("net.unix", granted))
    }

    fn secret(&self, reference: Option<&str>) -> (String, String) {
        let Ground { facts, taken, .. } = self.ground;
        let gone = |name: &str| taken.secrets.iter().any(|taken| taken == name);
        let left = facts.secrets.iter().map(|(name, _)| name.clone()).filter(|name| !gone(name));
        let left = list("secrets", left);
        match reference {
            None => (all(Scope::Secret, !taken.secrets.is_empty()).0, left),
            Some(name) if gone(name) => {
                (format!("the secret {} was dropped already", quoted(name)), left)
            }
            Some(name) => (format!("there is no secret {}", quoted(name)), left),
        }
    }

    fn child(&self) -> (String, String) {
        if self.ground.taken.children {
            let hint = "no program can be started any more".to_owned();
            return ("child was dropped already".to_owned(), hint);
        }
        ("process.children is empty: no program can be started".to_owned(), AS_GRANTED.to_owned())
    }

    fn file(&self, scope: Scope, text: &str) -> (String, String) {
        let Ground { facts, taken, .. } = self.ground;
        let path = crate::resolve::tidy(Path::new(text));
        let below = |dropped: &PathBuf| dropped.parent() == Some(path.as_path());
        let message = if taken.hides(&path) || taken.paths.iter().any(below) {
            format!("{} was dropped already", quoted(text))
        } else if scope == Scope::FsWrite {
            format!("no grant lets the service write {}", quoted(text))
        } else {
            format!("no grant shows {}", quoted(text))
        };
        let left = facts.droppable.iter().filter(|path| !taken.hides(path));
        let left = left.map(|path| quoted(&path.to_string_lossy()).to_string());
        (message, list("fs.droppable", left))
    }
}

/// The words of a refusal, for somebody who drops.
fn already(reason: &str) -> String {
    match reason.strip_suffix(" was dropped while the service ran") {
        Some(what) => format!("{what} was dropped already"),
        None => reason.to_owned(),
    }
}

fn all(scope: Scope, dropped: bool) -> (String, String) {
    let message = if dropped {
        format!("all of {scope} was dropped already")
    } else {
        format!("nothing of {scope} is granted")
    };
    (message, AS_GRANTED.to_owned())
}

/// What is left to drop.
fn list(what: &str, grants: impl Iterator<Item = String>) -> String {
    let mut grants: Vec<String> = grants.take(LISTED + 1).collect();
    if grants.is_empty() {
        return format!("{what}: none");
    }
    if grants.len() > LISTED {
        grants.truncate(LISTED);
        grants.push("...".to_owned());
    }
    format!("{what}: {}", grants.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::facts::Taken;
    use crate::control::facts::testing::{facts, leads};

    const NET: &str = r#"
        connect = ["api.internal:443", "gone.internal:80"]
        listen = ["127.0.0.1:8080", "127.0.0.1:8081"]
        unix = ["/run/db.sock"]
    "#;

    fn missed(scope: Scope, reference: Option<&str>) -> (String, String) {
        let text = format!(
            "schema = 1\n[service]\nname = \"t\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n[net]\n{NET}"
        );
        let mut network = ringfence_policy::parse("test.toml", &text).unwrap().net;
        let gone = Target::parse("gone.internal:80").unwrap();
        network.drop_outbound(Transport::Tcp, Some(&gone)).unwrap();
        network.drop_listen(Transport::Tcp, "127.0.0.1:8081".parse().ok()).unwrap();
        let facts = facts();
        let taken = Taken {
            paths: vec!["/app/certs".into(), "/srv/db.sock".into(), "/run/secrets/jwt".into()],
            secrets: vec!["jwt".to_owned()],
            children: true,
        };
        let ground = Ground { facts: &facts, taken: &taken, leads: &leads };
        let question = Question { scope, reference: reference.map(str::to_owned) };
        let failure = ground.plan(&question, &mut network).unwrap_err();
        assert_eq!(failure.code, "nothing-dropped", "{scope} {reference:?}");
        (failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn each_reason_for_taking_nothing_away_has_its_own_words() {
        for (scope, reference, message) in [
            (Scope::Net, Some("gone.internal:80"), "gone.internal:80 was dropped already"),
            (Scope::NetConnect, Some("gone.internal"), "gone.internal:80 was dropped already"),
            (Scope::Net, Some("api.internal:80"), "api.internal is granted at port 443, not 80"),
            (Scope::Net, Some("x.test:80"), "no grant in net.connect names x.test"),
            (Scope::NetUdp, None, "nothing of net.udp is granted"),
            (Scope::NetListen, Some("127.0.0.1:8081"), "127.0.0.1:8081 was dropped already"),
            (Scope::NetListen, Some("127.0.0.1:1"), "no listener is granted at 127.0.0.1:1"),
            (Scope::NetUnix, Some("/run/db.sock"), "/run/db.sock was dropped already"),
            (Scope::NetUnix, Some("/run/x.sock"), "net.unix does not name /run/x.sock"),
            (Scope::Secret, Some("jwt"), "the secret jwt was dropped already"),
            (Scope::Secret, Some("sign-key"), "there is no secret sign-key"),
            (Scope::FsRead, Some("/app/certs"), "/app/certs was dropped already"),
            (Scope::FsRead, Some("/run/secrets/jwt"), "/run/secrets/jwt was dropped already"),
            (Scope::FsRead, Some("/etc/shadow"), "no grant shows /etc/shadow"),
            (Scope::Child, None, "child was dropped already"),
            (Scope::Child, Some("/usr/bin/git"), "child was dropped already"),
            (Scope::Worker, None, "worker is not granted"),
        ] {
            assert_eq!(missed(scope, reference).0, message, "{scope} {reference:?}");
        }
    }

    #[test]
    fn what_is_left_to_drop_is_listed() {
        assert_eq!(missed(Scope::Secret, Some("sign-key")).1, "secrets: db, token");
        assert_eq!(missed(Scope::NetListen, Some("127.0.0.1:1")).1, "net.listen: 127.0.0.1:8080");
        assert_eq!(missed(Scope::FsRead, Some("/etc/shadow")).1, "fs.droppable: none");
    }
}
