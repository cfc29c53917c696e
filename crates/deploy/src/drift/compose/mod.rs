//! A Compose file, compared with the boundary.
//!
//! One service of the file is judged: the one of the boundary's name, else the one that is built in the
//! folder of the boundary file, else the only one that is built, or the only one. What other files would
//! add (`extends`, `include`, `env_file`) and what variables stand for is undecided.

mod mounts;
mod network;
mod own;
mod privileges;
mod resources;
mod start;
#[cfg(test)]
mod tests;
mod unknown;

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::{Entry, Order};
use ringfence_project::yaml::{self, Node};

/// Compares it.
///
/// # Errors
/// The text is no Compose file, or no service of it is the boundary's.
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let malformed = |line: usize, what: String| DriftError::Malformed {
        path: deployed.path.to_owned(),
        line,
        what,
    };
    let documents =
        yaml::documents(deployed.text).map_err(|error| malformed(error.line, error.what))?;
    let mut comparison = Comparison::default();
    let (mut found, mut others) = (false, Vec::new());
    for document in &documents {
        let Some(services) = document.root.get("services").and_then(Node::as_map) else { continue };
        let Some(service) = own::service(order, deployed.path, services) else {
            others.extend(services.iter().map(|service| service.key.clone()));
            continue;
        };
        found = true;
        if service.value.as_map().is_none() {
            let what = format!("services.{} is no mapping", service.key);
            return Err(malformed(service.line, what));
        }
        let mut judge = Judge {
            order,
            root: &document.root,
            service: &service.value,
            name: &service.key,
            entry: None,
            inherits: false,
            comparison: &mut comparison,
        };
        judge.service();
        for line in &document.templates {
            comparison.undecided.push(format!("line {line}: a template decides what stands there"));
        }
    }
    if !found {
        let path = deployed.path.to_owned();
        let service = order.name().to_owned();
        return Err(DriftError::Foreign { path, service, found: others });
    }
    comparison.drifts.sort_by_key(|drift| drift.line.unwrap_or(usize::MAX));
    comparison.undecided.dedup();
    Ok(comparison)
}

/// What is known while a service is judged.
struct Judge<'a> {
    order: &'a Order<'a>,
    root: &'a Node,
    service: &'a Node,
    name: &'a str,
    /// How it is started, as far as the file says.
    entry: Option<Entry>,
    /// Another file adds to this service: what is missing may be there.
    inherits: bool,
    comparison: &'a mut Comparison,
}

impl<'a> Judge<'a> {
    fn service(&mut self) {
        for (node, key) in [(self.service, "extends"), (self.root, "include")] {
            if let Some(entry) = node.entry(key) {
                self.inherits = true;
                let line = entry.line;
                self.undecided(line, &format!("`{key}` takes settings from another file"));
            }
        }
        self.start();
        self.environment();
        self.privileges();
        self.resources();
        self.mounts();
        self.network();
        self.unknown();
    }

    /// `services.orders.user`
    fn place(&self, key: &str) -> String {
        format!("services.{}.{key}", self.name)
    }

    fn undecided(&mut self, line: usize, why: &str) {
        self.comparison.undecided.push(format!("line {line}: {why}"));
    }

    /// A value of the service; `None` when it is missing or only known later, which is then said.
    fn value(&mut self, key: &str) -> Option<&'a Node> {
        let node = self.service.get(key)?;
        if node.is_template() {
            let place = self.place(key);
            self.undecided(node.line(), &format!("{place}: {} is filled in later", node.shown()));
            return None;
        }
        Some(node)
    }

    /// Whether a missing value is decided: nothing stands there, and nothing else adds to it.
    fn is_missing(&self, key: &str) -> bool {
        self.service.get(key).is_none() && !self.inherits
    }

    /// One thing that is weaker; `line` is where it stands.
    fn weaker(&mut self, code: &'static str, key: &str, at: Option<usize>, said: Said<'_>) {
        self.comparison.drifts.push(Drift {
            code,
            place: self.place(key),
            line: at,
            wanted: said.wanted.to_owned(),
            found: said.found.to_owned(),
            why: said.why.to_owned(),
        });
    }

    fn compared(&mut self) {
        self.comparison.compared += 1;
    }

    /// A key that must be true or the like; missing, or another value, is weaker.
    fn must(
        &mut self,
        code: &'static str,
        key: &str,
        wanted: &str,
        why: &str,
        holds: impl Fn(&Node) -> bool,
    ) {
        self.compared();
        if self.is_missing(key) {
            self.weaker(code, key, None, Said { wanted, found: "nothing", why });
        } else if let Some(node) = self.value(key)
            && !holds(node)
        {
            self.weaker(code, key, Some(node.line()), Said { wanted, found: &node.shown(), why });
        }
    }

    /// A key that must not be there, or not with that value.
    fn must_not(
        &mut self,
        code: &'static str,
        key: &str,
        why: &str,
        is_weak: impl Fn(&Node) -> bool,
    ) {
        self.compared();
        if let Some(node) = self.value(key)
            && is_weak(node)
        {
            let found = node.shown();
            self.weaker(
                code,
                key,
                Some(node.line()),
                Said { wanted: "nothing", found: &found, why },
            );
        }
    }
}

/// What is wanted, what is there, and why it matters.
#[derive(Clone, Copy)]
struct Said<'a> {
    wanted: &'a str,
    found: &'a str,
    why: &'a str,
}

/// The items of a list, or the one text.
fn items(node: &Node) -> Vec<&Node> {
    node.as_seq().map_or_else(|| vec![node], |items| items.iter().collect())
}

/// A number of bytes: a number, or `512m`, `1gb`, `64MiB`.
fn bytes(node: &Node) -> Option<u64> {
    if let Some(number) = node.as_int() {
        return u64::try_from(number).ok();
    }
    let text = node.as_str()?.trim().to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift);
    }
    let parts: f64 = number.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded below")]
    let whole = (parts * f64::from(1 << 10)) as u64;
    whole.checked_mul(1 << shift).map(|scaled| scaled >> 10)
}

/// A number, also one that stands in quotes.
fn number(node: &Node) -> Option<f64> {
    node.shown().parse().ok()
}
