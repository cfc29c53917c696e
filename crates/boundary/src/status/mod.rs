//! What this host can enforce, and what to change where it cannot.
//!
//! Each probe is a file; [`PROBES`] is the one table of them. Probes try things in children
//! instead of reading version numbers, and explain a failure from [`facts::Facts`]. Nothing here
//! changes the host. A host that passes can still refuse a particular boundary (a path, a port, a
//! limit): that is told by the start itself.

mod cgroup_limits;
mod core_pattern;
mod descriptor_copy;
mod event_sources;
pub mod facts;
mod finding;
mod fresh_proc;
mod identity;
mod kernel_namespaces;
mod landlock;
pub mod modules;
mod node;
mod path_resolution;
pub mod release_lines;
mod seccomp_listener;
mod trial;
mod user_namespace;
mod yama;

pub use event_sources::EventSource;
pub use finding::{Finding, LayerReport, Probe, ProbeReport};
pub use node::FoundNode;

use facts::{Cgroups, Container, Facts};
use ringfence_policy::layer::{Answer, Layer};
use serde::Serialize;

/// Version of the JSON form of [`Report`].
pub const SCHEMA: u32 = 1;

/// Every probe, in the order of the report.
pub const PROBES: [Probe; 17] = [
    identity::PROBE,
    user_namespace::PROBE,
    kernel_namespaces::MOUNT,
    kernel_namespaces::PID,
    kernel_namespaces::NET,
    kernel_namespaces::OTHER,
    fresh_proc::PROBE,
    cgroup_limits::PROBE,
    cgroup_limits::TREE,
    core_pattern::PROBE,
    landlock::PROBE,
    seccomp_listener::PROBE,
    seccomp_listener::WAIT_KILLABLE,
    descriptor_copy::PROBE,
    path_resolution::PROBE,
    yama::PROBE,
    node::PROBE,
];

/// What this host can enforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The host.
    pub host: Host,
    /// Every layer, outside in.
    pub layers: Vec<LayerReport>,
    /// The Node on the search path.
    pub node: Option<FoundNode>,
    /// Where events of refusals can come from.
    pub events: Vec<EventSource>,
}

/// The host as the report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// `uname -r`.
    pub kernel: String,
    /// Effective user id of whoever asked.
    pub uid: u32,
    /// Whether that is root.
    pub root: bool,
    /// Which control group hierarchies are mounted.
    pub cgroups: Cgroups,
    /// Which container this looks like; a guess from its traces.
    pub container: Option<Container>,
}

impl Report {
    /// The layers this host cannot give at all.
    pub fn absent(&self) -> impl Iterator<Item = &LayerReport> {
        self.layers.iter().filter(|layer| matches!(layer.answer, Answer::Absent(_)))
    }
}

/// Probes everything.
#[must_use]
pub fn host() -> Report {
    let facts = Facts::read();
    let layers: Vec<LayerReport> =
        Layer::ALL.into_iter().map(|layer| report(layer, &facts)).collect();
    let node = node::found(&facts);
    let events = event_sources::sources(&layers, node.as_ref());
    let host = Host {
        kernel: facts.kernel.clone(),
        uid: facts.uid,
        root: facts.is_root(),
        cgroups: facts.cgroups,
        container: facts.container.clone(),
    };
    Report { schema: SCHEMA, host, layers, node, events }
}

/// Probes one layer: for a start that was refused and must name the remedy.
#[must_use]
pub fn layer(layer: Layer) -> LayerReport {
    report(layer, &Facts::read())
}

fn report(layer: Layer, facts: &Facts) -> LayerReport {
    let probes = PROBES.iter().filter(|probe| probe.layer == layer);
    let probes = probes.map(|probe| {
        let Finding { answer, seen, remedies } = (probe.run)(facts);
        ProbeReport { probe: probe.id, answer, seen, remedies }
    });
    LayerReport::new(layer, probes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_probe_has_an_id_of_its_own() {
        let ids: BTreeSet<&str> = PROBES.iter().map(|probe| probe.id).collect();
        assert_eq!(ids.len(), PROBES.len());
    }

    #[test]
    fn every_layer_is_reported_once_and_every_gap_has_a_remedy() {
        let report = host();
        let layers: Vec<Layer> = report.layers.iter().map(|layer| layer.layer).collect();
        assert_eq!(layers, Layer::ALL);
        for layer in report.absent() {
            assert!(layer.remedies().next().is_some(), "{} has no remedy", layer.layer);
        }
    }

    #[test]
    fn one_layer_alone_says_what_the_whole_report_says() {
        let whole = host();
        for of in &whole.layers {
            assert_eq!(*of, layer(of.layer));
        }
    }
}
