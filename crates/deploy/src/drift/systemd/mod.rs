//! Units, compared with the boundary.
//!
//! What is wanted is what `render` writes for the same way of starting: with `ringfence run` it is less
//! around, because more is held inside. Named sets of system calls and addresses are compared as they
//! are written; what a set holds on a host is the host's affair.

mod rules;
mod start;
mod unit;
mod unknown;

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::systemd::{MANAGED, Section, Setting, settings};
use crate::render::{Entry, Order, RenderError};
use rules::{KEYS, Key, Rule};
use std::path::Path;
use unit::{Assignment, Unit, words};

/// Compares units and their drop-ins.
///
/// # Errors
/// [`DriftError`].
pub fn compare(order: &Order<'_>, files: &[Deployed<'_>]) -> Result<Comparison, DriftError> {
    files.iter().try_for_each(unit::legible)?;
    let mut whole: Option<Comparison> = None;
    let mut foreign = None;
    for group in unit::grouped(files) {
        match alone(order, &group) {
            Ok(more) => {
                let whole = whole.get_or_insert_default();
                whole.drifts.extend(more.drifts);
                whole.undecided.extend(more.undecided);
                whole.compared += more.compared;
            }
            Err(error @ DriftError::Foreign { .. }) => {
                foreign.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (whole, foreign) {
        (None, Some(error)) => Err(error),
        (whole, _) => Ok(whole.unwrap_or_default()),
    }
}

/// Compares one unit with its drop-ins and its listeners.
fn alone(order: &Order<'_>, files: &[Deployed<'_>]) -> Result<Comparison, DriftError> {
    let unit = Unit::read(files);
    let first = files.first().map_or(Path::new(""), |file| file.path);
    let service = order.name();
    if !is_of(files, &unit, order) {
        let names = files.iter().filter_map(|file| file.path.file_stem());
        let found = names.map(|name| name.to_string_lossy().into_owned()).collect();
        let (path, service) = (first.to_owned(), service.to_owned());
        return Err(DriftError::Foreign { path, service, found });
    }
    if !unit.assignments.iter().any(|one| one.section == "Service") {
        let mut comparison = sockets(order, &unit);
        unknown::compare(order, &unit, &[], &mut comparison);
        return Ok(comparison);
    }
    // Where the command tells nothing, the way that is closer to what the rest of the unit says.
    let entries = match start::entry(&unit) {
        Some(entry) => vec![entry],
        None => vec![Entry::Ringfence, Entry::Node],
    };
    let mut nearest: Option<Comparison> = None;
    for entry in entries {
        let comparison = with(order, entry, &unit).map_err(|error| DriftError::Malformed {
            path: first.to_owned(),
            line: 1,
            what: error.to_string(),
        })?;
        let fewer = |known: &Comparison| comparison.drifts.len() < known.drifts.len();
        if nearest.as_ref().is_none_or(fewer) {
            nearest = Some(comparison);
        }
    }
    let mut comparison = nearest.unwrap_or_default();
    let sockets = sockets(order, &unit);
    comparison.drifts.extend(sockets.drifts);
    comparison.compared += sockets.compared;
    comparison.drifts.sort_by_key(|drift| drift.line.unwrap_or(usize::MAX));
    Ok(comparison)
}

/// Compares a service that is started in this way.
fn with(order: &Order<'_>, entry: Entry, unit: &Unit<'_>) -> Result<Comparison, RenderError> {
    let wanted = settings(order, entry)?;
    let mut comparison = Comparison::default();
    start::compare(order, unit, &wanted, &mut comparison);
    for key in KEYS {
        compare_key(key, unit, &wanted, &mut comparison);
    }
    unknown::compare(order, unit, &wanted, &mut comparison);
    Ok(comparison)
}

/// A unit belongs to the service by its name, or by what it starts.
fn is_of(files: &[Deployed<'_>], unit: &Unit<'_>, order: &Order<'_>) -> bool {
    let named = |path: &Path| {
        path.iter().rev().take(2).any(|part| {
            let part = part.to_string_lossy();
            let stem = part.split(".service").next().unwrap_or_default();
            stem.trim_end_matches(".socket").split('@').next() == Some(order.name())
        })
    };
    let starts = |assignment: &Assignment<'_>| {
        let value = &assignment.value;
        (assignment.key.starts_with("Exec") || assignment.key == "WorkingDirectory")
            && (*value == order.place
                || value.contains(&order.file())
                || value.contains(&format!("{}/", order.place)))
    };
    files.iter().any(|file| named(file.path)) || unit.assignments.iter().any(starts)
}

/// Listeners that the manager opens.
fn sockets(order: &Order<'_>, unit: &Unit<'_>) -> Comparison {
    let mut comparison = Comparison::default();
    let net = &order.boundary.net;
    let granted =
        |keys: &[ringfence_policy::source::Located<ringfence_policy::net::ListenEndpoint>],
         value: &str| {
            value.parse::<std::net::SocketAddr>().is_ok_and(|at| {
                keys.iter().any(|grant| {
                    grant.value.address == at.ip()
                        && (grant.value.port == at.port() || grant.value.port == 0)
                })
            })
        };
    for assignment in unit.assignments.iter().filter(|one| one.section == "Socket") {
        let list = match assignment.key.as_str() {
            "ListenStream" => &net.listen,
            "ListenDatagram" => &net.udp_listen,
            _ => continue,
        };
        comparison.compared += 1;
        if !assignment.value.is_empty() && !granted(list, &assignment.value) {
            comparison.drifts.push(Drift {
                code: "more-ports",
                place: assignment.key.clone(),
                line: Some(assignment.line),
                wanted: "an address of net.listen".to_owned(),
                found: assignment.value.clone(),
                why: "the manager listens where the boundary grants nothing".to_owned(),
            });
        }
    }
    comparison
}

/// What is wanted of a key: the values of its lines.
fn wanted_of<'a>(key: &str, wanted: &'a [Setting]) -> Vec<&'a str> {
    let of = |setting: &&Setting| setting.section == Section::Service && setting.key == key;
    wanted.iter().filter(of).map(|setting| setting.value.as_str()).collect()
}

/// Keys that let a unit write to paths, in whatever way.
const WRITABLE: [&str; 5] =
    ["BindPaths", "CacheDirectory", "LogsDirectory", "ReadWritePaths", "StateDirectory"];

/// Where a unit may write, for such a key: which of them says so is the same.
fn writable(key: &Key, wanted: &[Setting]) -> Option<Vec<String>> {
    let of = |key: &&'static str| {
        wanted_of(key, wanted).into_iter().flat_map(|value| listed(key, value)).collect::<Vec<_>>()
    };
    WRITABLE.contains(&key.name).then(|| WRITABLE.iter().flat_map(of).collect())
}

fn compare_key(key: &Key, unit: &Unit<'_>, wanted: &[Setting], comparison: &mut Comparison) {
    let writable = writable(key, wanted);
    let asked = writable.as_ref().map_or_else(
        || wanted_of(key.name, wanted),
        |all| all.iter().map(String::as_str).collect(),
    );
    let is_wanted = match key.rule {
        Rule::On => asked.last().is_some_and(|value| rules::is_on(value)),
        Rule::NoMore => true,
        _ => !asked.is_empty(),
    };
    if !is_wanted {
        return;
    }
    comparison.compared += 1;
    let found = unit.of(key.name);
    let values: Vec<&str> = found.iter().map(|one| one.value.as_str()).collect();
    let weaker = match key.rule {
        Rule::On => found.last().is_none_or(|one| !rules::is_on(&one.value)).then(|| last(&found)),
        Rule::Level(levels) => level(levels, &asked, &found),
        Rule::AtMost => at_most(key, &asked, &found),
        Rule::Mask => mask(&asked, &found),
        Rule::Allowed => {
            let nothing = unit.mentions(key.name) && values.is_empty();
            let everything = Allowed::default();
            let is = if nothing && key.name == "CapabilityBoundingSet" {
                Allowed::none()
            } else if values.is_empty() {
                everything
            } else {
                Allowed::of(&values)
            };
            let more = is.beyond(&Allowed::of(&asked));
            more.map(|more| {
                let place = found
                    .iter()
                    .rev()
                    .find(|one| more.iter().any(|word| one.value.contains(word.as_str())));
                let place = place.or(found.last());
                let shown = if values.is_empty() {
                    None
                } else {
                    Some(format!("{} more: {}", values.join(" "), more.join(" ")))
                };
                shown.map(|shown| (shown, place.map_or(0, |one| one.line)))
            })
        }
        Rule::NoMore => no_more(key, &asked, &found),
        Rule::NoLess => no_less(&asked, &found),
    };
    let Some(found) = weaker else { return };
    let shown = asked.join(" ");
    comparison.drifts.push(Drift {
        code: key.code,
        place: key.name.to_owned(),
        line: found.as_ref().map(|(_, line)| *line).filter(|line| *line > 0),
        wanted: if shown.is_empty() { "nothing".to_owned() } else { shown },
        found: found.map_or_else(|| "nothing".to_owned(), |(value, _)| value),
        why: key.why.to_owned(),
    });
}

/// What was found, with its line; `None` for a line that is missing. The outer `None`: not weaker.
type Weaker = Option<Option<(String, usize)>>;

fn last(found: &[&Assignment<'_>]) -> Option<(String, usize)> {
    found.last().map(|one| (one.value.clone(), one.line))
}

fn level(levels: &[&[&str]], asked: &[&str], found: &[&Assignment<'_>]) -> Weaker {
    let of = |value: &str| {
        let value = value.to_ascii_lowercase();
        levels.iter().position(|words| words.contains(&value.as_str())).unwrap_or(0)
    };
    let wanted = asked.last().map_or(0, |value| of(value));
    let is = found.last().map_or(0, |one| of(&one.value));
    (is < wanted).then(|| last(found))
}

fn at_most(key: &Key, asked: &[&str], found: &[&Assignment<'_>]) -> Weaker {
    let wanted = asked.last().and_then(|value| rules::number(value))?;
    let Some(one) = found.last() else { return Some(None) };
    // A share depends on the machine, and a quota that is none is passed over.
    let fits = one.value.ends_with('%') == (key.name == "CPUQuota");
    let is = rules::number(&one.value).filter(|_| fits);
    is.is_none_or(|is| is > wanted).then(|| last(found))
}

fn mask(asked: &[&str], found: &[&Assignment<'_>]) -> Weaker {
    let bits = |text: &str| u32::from_str_radix(text, 8).unwrap_or(0);
    let wanted = asked.last().map_or(0, |value| bits(value));
    let is = found.last().map_or(0o022, |one| bits(&one.value));
    (is & wanted != wanted).then(|| last(found))
}

/// A path or word without what only says that it may be missing.
fn plain(word: &str) -> &str {
    word.trim_start_matches(['-', '+'])
}

/// The words of list-like keys: paths of bind mounts count by their source, assignments by their name.
fn listed(key: &str, value: &str) -> Vec<String> {
    words(value)
        .into_iter()
        .map(|word| match key {
            "Environment" => word.split('=').next().unwrap_or_default().to_owned(),
            "LoadCredential" => word.split(':').next().unwrap_or_default().to_owned(),
            "CacheDirectory" | "LogsDirectory" | "StateDirectory" => {
                let root = MANAGED.into_iter().find(|(name, _)| *name == key);
                let folder = word.split(':').next().unwrap_or_default().trim_end_matches('/');
                format!("{}{folder}", root.map_or("", |(_, root)| root))
            }
            _ => plain(&word).trim_end_matches('/').to_owned(),
        })
        .collect()
}

fn no_more(key: &Key, asked: &[&str], found: &[&Assignment<'_>]) -> Weaker {
    let wanted: Vec<String> = if WRITABLE.contains(&key.name) {
        asked.iter().map(|path| (*path).to_owned()).collect()
    } else {
        asked.iter().flat_map(|value| listed(key.name, value)).collect()
    };
    // A path that goes up, that systemd puts together, or that is bound elsewhere, is another one.
    let is_plain = |word: &str| {
        let elsewhere = key.name == "BindPaths" && word.contains(':');
        !elsewhere && !word.contains('%') && word.split('/').all(|part| part != "..")
    };
    let covered = |word: &String| {
        wanted.contains(word)
            || (is_plain(word)
                && word.starts_with('/')
                && wanted
                    .iter()
                    .any(|path| word.starts_with(&format!("{path}/")) && !path.is_empty()))
    };
    let line = found.iter().find_map(|one| {
        let more: Vec<String> =
            listed(key.name, &one.value).into_iter().filter(|word| !covered(word)).collect();
        (!more.is_empty()).then(|| (more.join(" "), one.line))
    });
    line.map(Some)
}

fn no_less(asked: &[&str], found: &[&Assignment<'_>]) -> Weaker {
    let is: Vec<String> = found.iter().flat_map(|one| listed("", &one.value)).collect();
    let covers = |word: &String| {
        is.contains(word)
            || is.iter().any(|path| {
                path == "any" || (word.starts_with('/') && word.starts_with(&format!("{path}/")))
            })
    };
    let missing = asked.iter().flat_map(|value| listed("", value)).any(|word| !covers(&word));
    missing.then(|| last(found))
}

/// What a key with allow and deny lists lets through, as it is written.
#[derive(Debug, Default)]
struct Allowed {
    /// `None`: everything that is not denied.
    allow: Option<Vec<String>>,
    deny: Vec<String>,
}

impl Allowed {
    fn none() -> Self {
        Self { allow: Some(Vec::new()), deny: Vec::new() }
    }

    /// The first assignment decides whether it is a list of what is allowed or of what is not.
    fn of(values: &[&str]) -> Self {
        let mut allowed = Self::default();
        for (index, value) in values.iter().enumerate() {
            if value.is_empty() {
                allowed = Self::none();
                continue;
            }
            if rules::is_on(value) {
                allowed = Self::none();
                continue;
            }
            if rules::is_off(value) {
                allowed = Self::default();
                continue;
            }
            let denies = value.starts_with('~');
            let list = words(value.trim_start_matches('~'));
            let list =
                list.into_iter().map(|word| word.split(':').next().unwrap_or_default().to_owned());
            if denies {
                let list: Vec<String> = list.collect();
                if let Some(allow) = &mut allowed.allow {
                    allow.retain(|word| !list.contains(word));
                }
                allowed.deny.extend(list);
            } else {
                if index == 0 {
                    allowed.allow = Some(Vec::new());
                }
                let list: Vec<String> = list.filter(|word| word != "none").collect();
                allowed.deny.retain(|word| !list.contains(word));
                if let Some(allow) = &mut allowed.allow {
                    allow.extend(list);
                }
            }
        }
        allowed
    }

    /// What this lets through and the other does not; `None` when nothing.
    fn beyond(&self, other: &Self) -> Option<Vec<String>> {
        let mut more = Vec::new();
        match (&self.allow, &other.allow) {
            (None, Some(_)) => return Some(vec!["everything".to_owned()]),
            (Some(allow), Some(wanted)) => {
                more.extend(allow.iter().filter(|word| !wanted.contains(word)).cloned());
            }
            (_, None) => {}
        }
        // What an allow list does not name need not be denied, except where it names sets.
        let sets =
            self.allow.as_ref().is_none_or(|allow| allow.iter().any(|word| word.starts_with('@')));
        if sets {
            more.extend(other.deny.iter().filter(|word| !self.deny.contains(word)).cloned());
        }
        (!more.is_empty()).then_some(more)
    }
}
