//! `[service]`: name, start, versions of Node, how it is stopped.

use super::super::facts::{Fact, Facts};
use super::super::page::{self, Ground, Item, Page};
use super::{Ground as Given, accepts};
use ringfence_policy::display::quoted;

/// Why a start is not written: it would be in the file, in its history and in every list of processes.
const SECRET_IN_START: &str = "an argument of the command looks like a secret and is not copied: \
     let the program read it from a variable or a file, name it in [secrets.NAME], then write \
     service.start";

pub(super) fn write(page: &mut Page, given: &mut Given<'_>) {
    page.section("service");
    page.fixed("name", &name(given));
    let words: Vec<String> = given.start.words.iter().map(|word| page::quote(word)).collect();
    let toml = format!("[{}]", words.join(", "));
    let start = Item { toml, ground: given.start.ground.clone() };
    if given.start.redacted {
        page.left_to_a_person("start", &start, SECRET_IN_START);
        given.facts.note(format!("{}: {SECRET_IN_START}", given.start.origin));
    } else {
        page.fixed("start", &start);
    }
    if let Some(item) = node(given.facts) {
        page.key("node", &item);
    }
    let signals = std::mem::take(&mut given.facts.signals);
    if let Some(signal) = last(&signals, "stop-signal", given.facts) {
        let name = signal.value.to_ascii_uppercase();
        let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
        checked(page, "stop-signal", &Item::text(&name, Ground::from(&signal.origin)), given.facts);
    }
    let grace = std::mem::take(&mut given.facts.grace);
    if let Some(grace) = last(&grace, "stop-timeout", given.facts) {
        let item = Item::text(&format!("{}s", grace.value), Ground::from(&grace.origin));
        checked(page, "stop-timeout", &item, given.facts);
    }
}

fn checked(page: &mut Page, key: &str, item: &Item, facts: &mut Facts) {
    match accepts("service", key, &item.toml) {
        Ok(()) => page.key(key, item),
        Err(why) => facts.note(format!("left out of service.{key}: {why}")),
    }
}

/// The last one counts; that others say otherwise is told.
pub(super) fn last<'a, T: PartialEq + std::fmt::Display>(
    all: &'a [Fact<T>],
    key: &str,
    facts: &mut Facts,
) -> Option<&'a Fact<T>> {
    let last = all.last()?;
    for other in all.iter().filter(|other| other.value != last.value) {
        facts.note(format!(
            "{key}: {} says {}, {} says {}: the draft has the last one",
            other.origin,
            quoted(&other.value.to_string()),
            last.origin,
            quoted(&last.value.to_string()),
        ));
    }
    Some(last)
}

fn name(given: &Given<'_>) -> Item {
    for name in &given.facts.names {
        let valid = valid(&name.value);
        if !valid.is_empty() {
            return Item::text(&valid, Ground::from(&name.origin));
        }
    }
    let folder = given.folder.canonicalize().unwrap_or_default();
    let folder = folder.file_name().map(|name| valid(&name.to_string_lossy())).unwrap_or_default();
    if folder.is_empty() {
        return Item::text("service", Ground::guess("nothing names it"));
    }
    Item::text(&folder, Ground::guess("its folder has this name"))
}

/// A package's name as a service's: without its scope, with hyphens for everything else.
fn valid(name: &str) -> String {
    let own = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = own.chars().map(plain).take(63).collect();
    name.trim_matches('-').to_owned()
}

/// `engines.node` before the version of an image; alternatives become everything from the lowest on.
fn node(facts: &mut Facts) -> Option<Item> {
    let all = std::mem::take(&mut facts.node);
    let first = all.first()?;
    if accepts("service", "node", &page::quote(&first.value)).is_ok() {
        return Some(Item::text(&first.value, Ground::from(&first.origin)));
    }
    let lowest = first.value.split("||").filter_map(|part| {
        let digits = part.trim_start_matches(|c: char| !c.is_ascii_digit());
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits.get(..end)?.parse::<u32>().ok()
    });
    match lowest.min() {
        Some(lowest) if first.value.contains("||") => {
            let because = format!(
                "{} says {}, and alternatives cannot be written",
                first.origin, first.value
            );
            Some(Item::text(&format!(">={lowest}"), Ground::guess(because)))
        }
        _ => {
            let shown = quoted(&first.value).to_string();
            facts.note(format!("{}: not a range of versions of Node: {shown}", first.origin));
            None
        }
    }
}
