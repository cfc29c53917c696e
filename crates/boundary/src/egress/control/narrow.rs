//! What a drop takes away: planned from values, before anything is done.
//!
//! A plan holds the grants that remain and names everything else by its place in the plan of the
//! start. What cannot be taken back by the kernel is refused here, with what can be done instead.

use super::missed::Missed;
use crate::control::facts::{Facts, Taken};
use crate::control::message::{Failure, Question};
use crate::control::truth::{Led, absolute};
use crate::control::wire::Narrowing;
use ringfence_policy::display::quoted;
use ringfence_policy::model::Network;
use ringfence_policy::net::{NarrowError, Target};
use ringfence_policy::scope::Scope;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What a drop takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Narrowed {
    /// Grants or parts of grants that go.
    pub(super) grants: Vec<String>,
    /// What is dropped of the network.
    pub(super) narrowings: Vec<Narrowing>,
    /// Places of unix sockets, droppable paths and secrets in the plan.
    pub(super) unix: Vec<usize>,
    pub(super) files: Vec<usize>,
    pub(super) secrets: Vec<usize>,
    /// No program may be started any more.
    pub(super) children: bool,
}

/// What a plan is made from.
pub(super) struct Ground<'a> {
    pub(super) facts: &'a Facts,
    pub(super) taken: &'a Taken,
    pub(super) leads: &'a dyn Fn(&Path) -> Led,
}

impl Ground<'_> {
    /// Plans a drop; `network` becomes what remains of the grants.
    ///
    /// # Errors
    /// Nothing can be dropped; then `network` is of no meaning.
    pub(super) fn plan(
        &self,
        question: &Question,
        network: &mut Network,
    ) -> Result<Narrowed, Failure> {
        let reference = question.reference.as_deref();
        let mut narrowed = Narrowed::default();
        match question.scope {
            Scope::Net => self.net(reference, network, &mut narrowed)?,
            Scope::NetConnect | Scope::NetUdp => {
                let target = target(reference)?;
                let narrowing = match question.scope {
                    Scope::NetConnect => Narrowing::Connect(target),
                    _ => Narrowing::Udp(target),
                };
                narrowed.narrow(narrowing, network)?;
            }
            Scope::NetListen => {
                narrowed.narrow(Narrowing::Listen(listener(reference)?), network)?;
            }
            Scope::NetUnix => self.unix(reference, network, &mut narrowed)?,
            Scope::Fs | Scope::FsRead | Scope::FsWrite => {
                self.files(question.scope, reference, &mut narrowed)?;
            }
            Scope::Secret => self.secrets(reference, &mut narrowed)?,
            Scope::Child => self.children(reference, &mut narrowed)?,
            Scope::Worker | Scope::Addon | Scope::Wasi | Scope::Ffi | Scope::Inspector => {
                return Err(self.inside_node(question.scope));
            }
            Scope::Env => {
                return Err(unsupported("a variable that was given cannot be taken back")
                    .hint("deliver it as a secret, which can be dropped"));
            }
            Scope::OpensslStore => {}
        }
        if narrowed.grants.is_empty() {
            return Err(Missed { ground: self, network }.failure(question));
        }
        Ok(narrowed)
    }

    fn net(
        &self,
        reference: Option<&str>,
        network: &mut Network,
        narrowed: &mut Narrowed,
    ) -> Result<(), Failure> {
        if reference.is_some_and(|text| text.starts_with('/')) {
            return self.unix(reference, network, narrowed);
        }
        let target = target(reference)?;
        narrowed.narrow(Narrowing::Connect(target.clone()), network)?;
        narrowed.narrow(Narrowing::Udp(target), network)?;
        if reference.is_none() {
            narrowed.narrow(Narrowing::Listen(None), network)?;
            self.unix(None, network, narrowed)?;
        }
        Ok(())
    }

    fn unix(
        &self,
        reference: Option<&str>,
        network: &mut Network,
        narrowed: &mut Narrowed,
    ) -> Result<(), Failure> {
        let path = reference.map(absolute).transpose()?;
        for (place, socket) in self.facts.unix.iter().enumerate() {
            let meant =
                path.as_ref().is_none_or(|path| socket.named == *path || socket.real == *path);
            if meant && !self.taken.hides(&socket.real) {
                narrowed.unix.push(place);
                narrowed.grants.push(format!("net.unix \"{}\"", shown(&socket.named)));
            }
        }
        // The grants as they are written are the same ones, and told already.
        if !narrowed.unix.is_empty() {
            let narrowing = Narrowing::Unix(reference.map(str::to_owned));
            // It cannot fail.
            let _ = narrowing.apply(network);
            narrowed.narrowings.push(narrowing);
        }
        Ok(())
    }

    /// A droppable path, a secret's, or a folder in which there are only secrets.
    fn files(
        &self,
        scope: Scope,
        reference: Option<&str>,
        narrowed: &mut Narrowed,
    ) -> Result<(), Failure> {
        let Some(text) = reference else {
            return Err(
                unsupported(format!("{scope} cannot be dropped as a whole")).hint(self.droppable())
            );
        };
        let named = absolute(text)?;
        let real = match (self.leads)(&named) {
            Led::To(real) => real,
            Led::Missing | Led::Nowhere => named.clone(),
        };
        if self.taken.hides(&real) || self.facts.access(&real).is_none() {
            // A folder that only holds secrets is not shown itself.
            let below = self.secrets_below(&real);
            if below.is_empty() {
                return Ok(());
            }
        }
        if scope == Scope::FsWrite && self.facts.access(&real) != Some(crate::plan::Access::Write) {
            return Ok(());
        }
        if let Some(place) = self.facts.droppable.iter().position(|path| *path == real) {
            narrowed.files.push(place);
            narrowed.grants.push(format!("fs.droppable \"{}\"", shown(&real)));
            return Ok(());
        }
        for (place, name) in self.secrets_below(&real) {
            narrowed.secrets.push(place);
            narrowed.grants.push(format!("secrets.{name}"));
        }
        if narrowed.secrets.is_empty() {
            let around = self.facts.droppable.iter().find(|path| real.starts_with(path));
            let failure = unsupported(format!("{} is not in fs.droppable", quoted(text)));
            return Err(match around {
                Some(path) => failure.hint(format!("drop {} as a whole", shown(path))),
                None => failure.hint(self.droppable()),
            });
        }
        Ok(())
    }

    /// Secrets at this path, or in this folder when nothing else is shown there.
    fn secrets_below(&self, real: &Path) -> Vec<(usize, String)> {
        let secrets = self.facts.files_of_secrets();
        let meant = secrets.filter(|(_, _, path)| *path == real || path.parent() == Some(real));
        let left = meant.filter(|(_, name, _)| !self.taken.secrets.iter().any(|t| t == name));
        left.map(|(place, name, _)| (place, name.to_owned())).collect()
    }

    fn secrets(&self, reference: Option<&str>, narrowed: &mut Narrowed) -> Result<(), Failure> {
        let left = |name: &str| !self.taken.secrets.iter().any(|taken| taken == name);
        let meant = |name: &str| reference.is_none_or(|asked| asked == name) && left(name);
        for (place, name, _) in self.facts.files_of_secrets().filter(|(_, name, _)| meant(name)) {
            narrowed.secrets.push(place);
            narrowed.grants.push(format!("secrets.{name}"));
        }
        let variables = self.facts.secrets.iter().filter(|(_, file)| file.is_none());
        if narrowed.secrets.is_empty() && variables.clone().any(|(name, _)| meant(name)) {
            return Err(unsupported(
                "the secret is in the environment, which cannot be taken back",
            )
            .hint("deliver it with as = \"file\""));
        }
        Ok(())
    }

    fn children(&self, reference: Option<&str>, narrowed: &mut Narrowed) -> Result<(), Failure> {
        if self.facts.children.is_empty() || self.taken.children {
            return Ok(());
        }
        if reference.is_some() {
            return Err(unsupported("programs are dropped all together, never one of them")
                .hint("drop child without a reference: then none can be started any more"));
        }
        narrowed.children = true;
        let programs = self.facts.children.iter();
        let shown = programs.map(|path| format!("process.children \"{}\"", shown(path)));
        narrowed.grants.extend(shown);
        Ok(())
    }

    /// Grants of Node's own insides: the kernel does not see what they cover.
    fn inside_node(&self, scope: Scope) -> Failure {
        let process = &self.facts.process;
        let granted = match scope {
            Scope::Worker | Scope::Wasi | Scope::Ffi | Scope::Inspector if !process.node_flags => {
                return unsupported(format!(
                    "nothing refuses {scope}: process.node-flags is false"
                ))
                .hint("leave process.node-flags out, and Node refuses it from the start");
            }
            Scope::Worker => process.workers,
            Scope::Addon => !process.addons.is_empty(),
            Scope::Wasi => process.wasi,
            Scope::Ffi => process.ffi,
            _ => process.inspector,
        };
        if !granted {
            let message = format!("{scope} is not granted");
            return Failure::new("nothing-dropped", message);
        }
        unsupported(format!("the kernel cannot take {scope} back from a running process")).hint(
            "process.permission.drop() inside the service refuses it to that process's JavaScript, where its Node has a drop of its own",
        )
    }

    fn droppable(&self) -> String {
        if self.facts.droppable.is_empty() {
            return "list the path in fs.droppable, so that it gets a mount of its own".to_owned();
        }
        let paths: Vec<String> = self.facts.droppable.iter().take(8).map(|p| shown(p)).collect();
        format!("fs.droppable has {}", paths.join(", "))
    }
}

impl Narrowed {
    fn narrow(&mut self, narrowing: Narrowing, network: &mut Network) -> Result<(), Failure> {
        let gone = narrowing.apply(network).map_err(|error| match error {
            NarrowError::PartOfListener { .. } => unsupported(error.to_string())
                .hint("drop the listener as it is granted, or grant single addresses"),
            NarrowError::TooMany => unsupported(error.to_string()),
        })?;
        if !gone.is_empty() {
            self.grants.extend(gone);
            self.narrowings.push(narrowing);
        }
        Ok(())
    }

    /// Whether the supervisor has something to do.
    pub(super) fn reaches_out(&self) -> bool {
        let sockets = |n: &Narrowing| matches!(n, Narrowing::Connect(_) | Narrowing::Listen(_));
        self.narrowings.iter().any(sockets)
            || !self.unix.is_empty()
            || !self.files.is_empty()
            || !self.secrets.is_empty()
    }

    /// Whether this asks for what needs a root of the service's own.
    pub(super) fn takes_files(&self) -> bool {
        !self.files.is_empty() || !self.secrets.is_empty()
    }
}

fn target(reference: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(text) = reference else { return Ok(None) };
    let target = Target::parse(text).map_err(|error| {
        let failure = Failure::bad_reference(error.message);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    // As the other side will read it.
    Ok(Some(target.to_string()))
}

fn listener(reference: Option<&str>) -> Result<Option<SocketAddr>, Failure> {
    let Some(text) = reference else { return Ok(None) };
    let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    match text.parse().ok().or_else(alone) {
        Some(at) => Ok(Some(at)),
        None => {
            Err(Failure::bad_reference(format!("not an address to listen on: {}", quoted(text)))
                .hint("write it as it is granted, such as 127.0.0.1:8080"))
        }
    }
}

fn unsupported(message: impl Into<String>) -> Failure {
    Failure::new("unsupported", message)
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy()).to_string()
}

/// Paths that a drop hides from then on.
pub(super) fn hidden(narrowed: &Narrowed, facts: &Facts) -> Vec<PathBuf> {
    let files = narrowed.files.iter().filter_map(|at| facts.droppable.get(*at).cloned());
    let secrets = facts.files_of_secrets();
    let secrets = secrets.filter(|(place, ..)| narrowed.secrets.contains(place));
    files.chain(secrets.map(|(_, _, path)| path.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::facts::testing::{facts, leads};

    const NET: &str = r#"
        connect = ["api.internal:443", "*.example.com:443"]
        listen = ["127.0.0.1:8080", "0.0.0.0:9090"]
        udp = ["api.internal:443"]
        unix = ["/run/db.sock"]
    "#;

    fn plan(
        taken: &Taken,
        scope: Scope,
        reference: Option<&str>,
    ) -> (Result<Narrowed, Failure>, Network) {
        let text = format!(
            "schema = 1\n[service]\nname = \"t\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n[net]\n{NET}"
        );
        let mut network = ringfence_policy::parse("test.toml", &text).unwrap().net;
        let facts = facts();
        let ground = Ground { facts: &facts, taken, leads: &leads };
        let question = Question { scope, reference: reference.map(str::to_owned) };
        (ground.plan(&question, &mut network), network)
    }

    fn planned(scope: Scope, reference: Option<&str>) -> Narrowed {
        plan(&Taken::default(), scope, reference).0.unwrap()
    }

    fn code(scope: Scope, reference: Option<&str>) -> &'static str {
        plan(&Taken::default(), scope, reference).0.unwrap_err().code
    }

    #[test]
    fn the_whole_network_goes_with_everything_in_it() {
        let (planned, network) = plan(&Taken::default(), Scope::Net, None);
        let planned = planned.unwrap();
        assert_eq!(planned.narrowings.len(), 4);
        assert_eq!((planned.grants.len(), planned.unix.as_slice()), (6, [0].as_slice()));
        assert!(network.connect.is_empty() && network.listen.is_empty() && network.udp.is_empty());
        assert!(planned.reaches_out());
    }

    #[test]
    fn net_with_a_host_takes_both_transports_and_leaves_the_rest() {
        let planned = planned(Scope::Net, Some("API.internal:443"));
        let target = Some("api.internal:443".to_owned());
        assert_eq!(
            planned.narrowings,
            [Narrowing::Connect(target.clone()), Narrowing::Udp(target)]
        );
        let udp = self::planned(Scope::NetUdp, None);
        assert!(!udp.reaches_out(), "flows are the broker's own");
    }

    #[test]
    fn files_go_as_they_were_mounted_and_secrets_by_name_path_or_folder() {
        assert_eq!(planned(Scope::FsRead, Some("/app/certs")).files, [0]);
        assert_eq!(planned(Scope::Fs, Some("/app/./certs/")).files, [0]);
        assert_eq!(planned(Scope::FsRead, Some("/run/secrets/db")).secrets, [1]);
        assert_eq!(planned(Scope::FsRead, Some("/run/secrets")).secrets, [0, 1]);
        assert_eq!(planned(Scope::Secret, Some("jwt")).secrets, [0]);
        assert_eq!(planned(Scope::Secret, None).secrets, [0, 1]);
        let facts = facts();
        let planned = planned(Scope::Secret, None);
        assert_eq!(hidden(&planned, &facts).len(), 2);
        let taken = Taken { secrets: vec!["jwt".to_owned()], ..Taken::default() };
        assert_eq!(plan(&taken, Scope::Secret, None).0.unwrap().secrets, [1]);
        let again = plan(&taken, Scope::Secret, Some("jwt")).0.unwrap_err();
        assert_eq!(again.code, "nothing-dropped");
    }

    #[test]
    fn what_cannot_be_taken_back_is_said_and_never_passed_over() {
        for (scope, reference, expected) in [
            (Scope::FsRead, None, "unsupported"),
            (Scope::FsRead, Some("/app"), "unsupported"),
            (Scope::FsRead, Some("/app/certs/tls.key"), "unsupported"),
            (Scope::FsWrite, Some("/data"), "unsupported"),
            (Scope::FsWrite, Some("/app/certs"), "nothing-dropped"),
            (Scope::FsRead, Some("/etc/shadow"), "nothing-dropped"),
            (Scope::FsRead, Some("x"), "bad-reference"),
            (Scope::Env, Some("PATH"), "unsupported"),
            (Scope::Secret, Some("token"), "unsupported"),
            (Scope::Secret, Some("other"), "nothing-dropped"),
            (Scope::Worker, None, "nothing-dropped"),
            (Scope::OpensslStore, None, "nothing-dropped"),
            (Scope::Child, Some("/usr/bin/git"), "unsupported"),
            (Scope::NetListen, Some("127.0.0.1:9090"), "unsupported"),
            (Scope::NetListen, Some("8080"), "bad-reference"),
            (Scope::NetConnect, Some("other.test:1"), "nothing-dropped"),
            (Scope::NetConnect, Some("https://x"), "bad-reference"),
            (Scope::NetUnix, Some("/run/other.sock"), "nothing-dropped"),
        ] {
            assert_eq!(code(scope, reference), expected, "{scope} {reference:?}");
        }
    }

    #[test]
    fn children_and_unix_sockets_go_once() {
        assert!(planned(Scope::Child, None).children);
        assert_eq!(planned(Scope::NetUnix, Some("/srv/db.sock")).unix, [0]);
        let taken =
            Taken { paths: vec!["/srv/db.sock".into()], children: true, ..Taken::default() };
        for scope in [Scope::Child, Scope::NetUnix] {
            assert_eq!(plan(&taken, scope, None).0.unwrap_err().code, "nothing-dropped");
        }
    }
}
