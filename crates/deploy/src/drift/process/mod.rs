//! A running process, by what `/proc` tells of it, compared with the boundary.
//!
//! A service under `ringfence run` is asked through its supervisor which boundary it has and what
//! each layer answered; then, and for every other process, the kernel's own account is read: ids,
//! capabilities, filters, namespaces, limits, mounts, descriptors, sockets, arguments and variables.
//! Values of variables are compared and never told. What cannot be read, and what nobody can see
//! from outside (Landlock), is undecided. It is one look: what happens between two reads is missed.

mod facts;
mod files;
mod identity;
mod limits;
mod sockets;
mod start;
mod supervisor;
#[cfg(test)]
mod tests;

use super::{Comparison, Drift, DriftError};
use crate::render::Order;
use facts::Facts;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::RequiredLayers;
use std::path::Path;

/// Compares it.
///
/// # Errors
/// There is no such process, or it is the service of another boundary.
pub fn compare(order: &Order<'_>, pid: u32) -> Result<Comparison, DriftError> {
    let mut comparison = Comparison::default();
    let asked = supervisor::ask(order, pid, &mut comparison)?;
    let seen = asked.as_ref().and_then(|asked| asked.program).unwrap_or(pid);
    let facts = Facts::read(Path::new("/proc"), seen).map_err(|source| DriftError::Unreadable {
        path: format!("/proc/{seen}").into(),
        source,
    })?;
    let enforced = asked.is_some();
    let mut judge = Judge { order, facts: &facts, enforced, comparison };
    judge.all();
    if !enforced && judge.is_required(Layer::Landlock) {
        judge.undecided("Landlock cannot be seen from outside of a process".to_owned());
    }
    let mut comparison = judge.comparison;
    comparison.undecided.dedup();
    Ok(comparison)
}

struct Judge<'a> {
    order: &'a Order<'a>,
    facts: &'a Facts,
    /// Its supervisor answered.
    enforced: bool,
    comparison: Comparison,
}

/// What is weaker.
struct Weaker<'a> {
    code: &'static str,
    /// Which layer should have seen to it.
    layer: Layer,
    place: String,
    wanted: &'a str,
    found: String,
    why: &'a str,
}

impl Judge<'_> {
    fn all(&mut self) {
        self.executable();
        self.identity();
        self.privileges();
        self.namespaces();
        self.limits();
        self.groups();
        self.mounts();
        self.arguments();
        self.environment();
        self.children();
        self.files();
        self.sockets();
    }

    /// Whether the boundary asks for a layer.
    fn is_required(&self, layer: Layer) -> bool {
        match &self.order.boundary.require.layers {
            RequiredLayers::All => true,
            RequiredLayers::Listed(layers) => layers.contains(&layer),
        }
    }

    /// A drift, or where the boundary accepts that the layer is missing a word about it.
    fn weaker(&mut self, weaker: Weaker<'_>) {
        if !self.is_required(weaker.layer) {
            self.undecided(format!(
                "{} is {}, which [require] accepts: it does not ask for `{}`",
                weaker.place, weaker.found, weaker.layer
            ));
            return;
        }
        self.comparison.drifts.push(Drift {
            code: weaker.code,
            place: weaker.place,
            line: None,
            wanted: weaker.wanted.to_owned(),
            found: weaker.found,
            why: weaker.why.to_owned(),
        });
    }

    fn undecided(&mut self, what: String) {
        self.comparison.undecided.push(what);
    }

    fn compared(&mut self) {
        self.comparison.compared += 1;
    }

    /// `/proc/7/status`
    fn place(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.facts.pid)
    }

    /// What could be read of a file of the process; what could not is said.
    fn text<'b>(&mut self, name: &str, read: &'b Result<String, String>) -> Option<&'b str> {
        match read {
            Ok(text) => Some(text),
            Err(why) => {
                let place = self.place(name);
                self.undecided(format!("{place} cannot be read: {why}"));
                None
            }
        }
    }

    /// Whether a path of the process is granted: as the boundary names it on this host, or in an
    /// image.
    fn is_within(&self, grants: &[&str], path: &str) -> bool {
        let mut all: Vec<String> = Vec::new();
        for grant in grants {
            all.push(self.order.path(grant));
            let here = self.order.folder.join(grant);
            if let Ok(real) = here.canonicalize() {
                all.push(real.to_string_lossy().into_owned());
            }
            all.push(ringfence_policy::paths::normal(&here.to_string_lossy()));
        }
        all.iter().any(|grant| {
            let grant = grant.trim_end_matches('/');
            path.strip_prefix(grant).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
