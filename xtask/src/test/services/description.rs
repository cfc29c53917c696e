//! One service: what the comment at the top of its `smoke.mjs` says about it.
//!
//! The comment holds `key: value` lines. Keys may repeat where a list is meant.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// A service and the traffic it is tried with.
#[derive(Debug, Default)]
pub(crate) struct Description {
    /// Name of its folder.
    pub(crate) name: String,
    /// Its folder in the checkout.
    pub(crate) folder: PathBuf,
    /// What it shows, one sentence.
    pub(crate) promise: String,
    /// Major versions of Node it is run on.
    pub(crate) nodes: Vec<u32>,
    /// Texts of the lines that say that it can be talked to, in any order.
    pub(crate) ready: Vec<String>,
    /// Programs and stores that the machine must have.
    pub(crate) needs: Vec<String>,
    /// Variables that only the bare run gets: where a secret of the boundary lies outside.
    pub(crate) bare_env: Vec<(String, String)>,
    /// Grants that are learned because it uses them, and that its traffic is the same without.
    pub(crate) spare: Vec<String>,
    /// What it is refused inside, and why that is right.
    pub(crate) denied: Vec<Denied>,
}

/// A refusal that belongs to the service's life inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    /// The event's action.
    pub(crate) action: String,
    /// How the event's resource begins.
    pub(crate) resource: String,
}

/// Reads every service of a folder, in order of name.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Description>, Failure> {
    let mut services = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Failure::file("cannot read", folder))? {
        let path = entry.map_err(Failure::file("cannot read", folder))?.path();
        if !path.is_dir() {
            continue;
        }
        let smoke = path.join("smoke.mjs");
        let text = std::fs::read_to_string(&smoke).map_err(Failure::file("cannot read", &smoke))?;
        let mut service = parse(&text).ok_or_else(|| {
            Failure::NotHeld(format!("{} has no proper first comment", smoke.display()))
        })?;
        service.name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        service.folder = path;
        services.push(service);
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(services)
}

/// The first comment of `smoke.mjs`; `None` when it is malformed.
fn parse(text: &str) -> Option<Description> {
    let (comment, _) = text.strip_prefix("/*\n")?.split_once("*/")?;
    let mut service = Description::default();
    for line in comment.lines() {
        let (key, value) = line.split_once(": ")?;
        apply(&mut service, key, value)?;
    }
    let complete = !service.promise.is_empty() && !service.ready.is_empty();
    (complete && !service.nodes.is_empty()).then_some(service)
}

/// One `key: value` line.
fn apply(service: &mut Description, key: &str, value: &str) -> Option<()> {
    match key {
        "bare-env" => {
            let (name, value) = value.split_once('=')?;
            service.bare_env.push((name.to_owned(), value.to_owned()));
        }
        "denied" => service.denied.push(denied(value)?),
        "needs" => service.needs.extend(value.split(' ').map(str::to_owned)),
        "node" => {
            service.nodes = value.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        }
        "promise" => value.clone_into(&mut service.promise),
        "spare" => {
            let (grant, reason) = value.split_once(" because ")?;
            (!reason.is_empty()).then(|| service.spare.push(grant.to_owned()))?;
        }
        "ready" => service.ready.push(value.to_owned()),
        _ => return None,
    }
    Some(())
}

/// `action resource: reason`; a refusal without a reason is none.
fn denied(value: &str) -> Option<Denied> {
    let (what, reason) = value.split_once(" because ")?;
    let (action, resource) = what.split_once(' ')?;
    let said = !reason.is_empty();
    said.then(|| Denied { action: action.to_owned(), resource: resource.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_from_the_comment_of_its_traffic() {
        let text = "/*\npromise: works\nnode: 22 24\nready: listening\ndenied: resolve a.example because it is told off\n*/\ncode";
        let service = parse(text).unwrap();
        assert_eq!((service.promise.as_str(), service.nodes), ("works", vec![22, 24]));
        assert_eq!(
            service.denied,
            [Denied { action: "resolve".to_owned(), resource: "a.example".to_owned() }]
        );
    }

    #[test]
    fn a_refusal_without_a_reason_and_an_unknown_key_are_refused() {
        let head = "/*\npromise: works\nnode: 22\nready: listening\n";
        assert!(parse(&format!("{head}*/")).is_some());
        assert!(parse(&format!("{head}denied: resolve a.example\n*/")).is_none());
        assert!(parse(&format!("{head}typo: x\n*/")).is_none());
    }

    #[test]
    fn every_service_of_the_suite_can_be_read() {
        let services = read_all(&crate::places::root().join("tests/node/services")).unwrap();
        assert!(services.iter().all(|service| service.folder.join("ringfence.toml").is_file()));
    }
}
