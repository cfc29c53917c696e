//! Where this host's events of refusals can come from.

use super::FoundNode;
use super::finding::LayerReport;
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::{Errno, audit, landlock};
use serde::Serialize;

/// First version of Landlock that tells the audit what it refused.
const LOGGING: u32 = 7;
/// First major version of Node that tells its own refusals to a channel.
const CHANNELS: u64 = 24;

/// One source of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventSource {
    /// Kebab-case, part of the JSON output.
    pub source: &'static str,
    /// What it tells.
    pub tells: &'static str,
    /// Whether this host has it, for whoever asks.
    pub available: bool,
    /// Why, or why not.
    pub why: String,
}

/// Every source.
pub(super) fn sources(layers: &[LayerReport], node: Option<&FoundNode>) -> Vec<EventSource> {
    let given = |layer: Layer| {
        let of = layers.iter().find(|report| report.layer == layer);
        of.is_some_and(|report| !matches!(report.answer, Answer::Absent(_)))
    };
    let broker = given(Layer::Broker) && given(Layer::Seccomp);
    let answer = |available: bool| {
        let why = if available { "the system call listener works" } else { "there is no listener" };
        (available, why.to_owned())
    };
    let of = |source, tells, (available, why)| EventSource { source, tells, available, why };
    vec![
        of("broker", "sockets, names and programs that were refused; always", answer(broker)),
        of("listener", "files that were refused; with run --trace", answer(broker)),
        of("preload", "what Node's own permissions refused; always", preload(node)),
        of("landlock-audit", "what Landlock refused; with run --trace", landlock_audit()),
    ]
}

fn preload(node: Option<&FoundNode>) -> (bool, String) {
    let Some(node) = node else { return (false, "there is no Node on the search path".to_owned()) };
    let major = node.version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    let version = &node.version;
    match major {
        Some(major) if major >= CHANNELS => (true, format!("Node {version} tells its refusals")),
        _ => (false, format!("Node {version} does not tell its refusals, Node {CHANNELS} does")),
    }
}

fn landlock_audit() -> (bool, String) {
    if landlock::abi().is_none_or(|version| version < LOGGING) {
        let why = format!("Landlock tells nothing before version {LOGGING} (Linux 6.15)");
        return (false, why);
    }
    if let Err(errno) = audit::Log::follow() {
        return (false, format!("the audit cannot be read: {}", reason(errno)));
    }
    match audit::enabled() {
        Ok(true) => (true, "the host keeps an audit, and it can be read".to_owned()),
        Ok(false) => (false, "the host keeps no audit (auditctl -e 1 begins one)".to_owned()),
        Err(errno) => (false, format!("the audit cannot be asked: {}", reason(errno))),
    }
}

fn reason(errno: Errno) -> String {
    match errno.0 {
        libc::EPERM | libc::EACCES | libc::ECONNREFUSED => {
            "it takes root of the host, outside of containers".to_owned()
        }
        libc::EPROTONOSUPPORT => "this kernel has none".to_owned(),
        _ => errno.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_says_why_it_is_there_or_not() {
        let sources = sources(&[], None);
        assert!(sources.iter().all(|source| !source.why.is_empty()));
        let preload = sources.iter().find(|source| source.source == "preload");
        assert!(!preload.unwrap().available, "there is no Node");
    }
}
