//! From any text to the errors in it.
//!
//! Understood are Node's own report of an uncaught error, stacks and halves of them, messages
//! alone, what `console.log` prints of an error, log lines in JSON, and what shells and the loader
//! say. The text is cleaned first: colours, Windows line ends, prefixes of collectors. At most
//! [`MOST_ERRORS`] errors and [`MOST_BYTES`] bytes are looked at; what is left out is counted.

mod clean;
mod inspect;
mod json;
mod message;

use super::symptom::Symptom;
use ringfence_policy::event::Event;

pub(crate) use message::{after, endpoint};

/// Bytes of a text that are looked at: its beginning and its end.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Errors that are looked at.
pub(crate) const MOST_ERRORS: usize = 2000;

/// What was found in a text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The errors, in the order of the text.
    pub(crate) symptoms: Vec<Symptom>,
    /// Events of ringfence among the lines, each with its line.
    pub(crate) events: Vec<(usize, Event)>,
    /// Whether there are more errors than are looked at.
    pub(crate) cut: bool,
    /// Whether the middle of the text was left out.
    pub(crate) shortened: bool,
}

/// Reads a text.
pub(crate) fn read(text: &str) -> Found {
    let (text, shortened) = clean::bounded(text, MOST_BYTES);
    let mut found = Found { shortened, ..Found::default() };
    let lines = clean::lines(&text);
    if !json::whole(&text, &mut found) {
        inspect::read(&lines, &mut found);
    }
    found.cut = found.full();
    found.symptoms.truncate(MOST_ERRORS);
    found.symptoms.iter_mut().for_each(message::complete);
    found
}

impl Found {
    /// Whether no more errors are taken.
    fn full(&self) -> bool {
        self.symptoms.len() >= MOST_ERRORS
    }

    /// Adds an error; answers its number.
    fn add(&mut self, symptom: Symptom) -> usize {
        self.symptoms.push(symptom);
        self.symptoms.len() - 1
    }
}
