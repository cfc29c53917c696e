//! From what was read to grants: one file for each section of the boundary file.
//!
//! What is said somewhere is taken over with its place; what nobody says is guessed as narrowly as a
//! service can start with, and marked. A value that the boundary file would refuse is left out and
//! told, so that what comes out always parses.

mod endpoint;
mod environment;
mod files;
mod limits;
mod network;
mod process;
mod service;
mod start;

use super::InitError;
use super::code::{self, Seen};
use super::facts::Facts;
use super::page::{Item, Page};
use ringfence_policy::display::quoted;
use ringfence_policy::environment::refused;
use std::path::Path;

pub(crate) use start::Chosen;

/// Everything a section is decided from.
pub(crate) struct Ground<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) facts: &'a mut Facts,
    pub(crate) start: Chosen,
    pub(crate) seen: Seen,
}

/// Decides every section, in the order of the file.
pub(crate) fn decide(folder: &Path, facts: &mut Facts) -> Result<Page, InitError> {
    let start = start::choose(folder, facts)?;
    let arguments = start.arguments().iter().filter(|word| code::is_code(folder, word)).cloned();
    let entries: Vec<String> = start.entry.iter().cloned().chain(arguments).collect();
    let seen = code::look(folder, &entries);
    let mut ground = Ground { folder, facts, start, seen };
    let mut page = Page::default();
    head(&mut page, ground.facts);
    service::write(&mut page, &mut ground);
    let variables = environment::decide(&mut ground);
    let fs = files::decide(&mut ground, &variables);
    let net = network::decide(&mut ground, &variables);
    files::write(&mut page, &fs);
    network::write(&mut page, &net);
    process::write(&mut page, &mut ground);
    environment::write(&mut page, &variables);
    limits::write(&mut page, &mut ground);
    Ok(page)
}

fn head(page: &mut Page, facts: &Facts) {
    let files = if facts.read.is_empty() { "a command".to_owned() } else { facts.read.join(", ") };
    page.comment(&format!("A first draft, made by `ringfence init` from {files}."));
    page.comment(
        "`from` names the place a line comes from; `guess` marks what nothing said: look at each. \
         What the service really needs, `ringfence learn -- COMMAND` finds out.",
    );
    for command in &facts.permissions {
        page.comment(&format!(
            "What the flags in {} really did, which this file takes as they were meant:",
            command.origin
        ));
        for one in command.value.reality() {
            page.comment(&format!("  {one}"));
        }
    }
    page.schema();
}

/// Whether the boundary file takes this value at this key; else what it says.
pub(crate) fn accepts(section: &str, key: &str, toml: &str) -> Result<(), String> {
    let head = if section == "service" {
        "[service]\nname = \"a\"\nstart = [\"a\"]\n".to_owned()
    } else {
        format!("[service]\nname = \"a\"\nstart = [\"a\"]\n[{section}]\n")
    };
    match ringfence_policy::parse("draft", &format!("{head}{key} = {toml}\n")) {
        Ok(_) => Ok(()),
        Err(mistakes) => Err(mistakes.first().map_or_else(String::new, |one| one.message.clone())),
    }
}

/// The entries of a list that the boundary file takes, each once; the others are told.
pub(crate) fn accepted(section: &str, key: &str, items: Vec<Item>, facts: &mut Facts) -> Vec<Item> {
    let mut good: Vec<Item> = Vec::new();
    for item in items {
        if good.iter().any(|one| one.toml == item.toml) {
            continue;
        }
        match accepts(section, key, &format!("[{}]", item.toml)) {
            Ok(()) => good.push(item),
            Err(why) => {
                facts.note(format!("left out of {section}.{key}: {} ({why})", quoted(&item.toml)));
            }
        }
    }
    good
}

/// Why a variable never gets in, told once.
pub(crate) fn is_refused(name: &str, facts: &mut Facts) -> bool {
    let Some(why) = refused(name) else { return false };
    facts.note(format!("{} is left out: it {}", quoted(name), why.words()));
    true
}
