//! What an error means, and what to add to the boundary file for it, or why not to.
//!
//! Text in, explanation out: any text that a service, Node, a shell or a log collector wrote. Told
//! apart are the refusals of Node's own flags, of the broker and of the kernel from the errors that
//! are the application's own, where no grant helps. A grant is named only after it was put into a
//! copy of the boundary and the policy then allowed the access; the boundary file itself is never
//! changed. The text is taken at its word: who can write a log can make an explanation say anything
//! about accesses that nobody tried, so a grant is still to be judged by a person.

pub mod access;
mod causes;
mod code;
mod context;
mod dropped;
mod events;
mod fuzz;
mod grant;
mod judge;
mod paths;
mod read;
mod report;
mod symptom;
#[cfg(test)]
mod tests;

pub use code::Code;
pub use context::{Context, Host, Look, NoHost, Setting};
pub use events::events;
pub use fuzz::fuzz_explain;
pub use grant::Grant;
pub use read::MOST_BYTES;
pub use report::{Advice, Confidence, Explanation, Report, SCHEMA};

use ringfence_policy::display;
use ringfence_policy::event::Event;
use std::collections::HashMap;
use symptom::Symptom;

/// Explanations that are given of one text; more are counted.
const MOST: usize = 50;

/// What is looked for, for a text in which nothing was recognised.
pub const LOOKED_FOR: &str = "error codes of Node (ERR_ACCESS_DENIED, ERR_DLOPEN_FAILED, ...), of \
     the kernel (ENOENT, EACCES, ECONNREFUSED, ...) and of the resolver (ENOTFOUND, EAI_AGAIN), \
     error classes with a message, `.cause` chains, log lines in JSON, denial events of ringfence, \
     and what shells and the loader say (not found, Killed, bad option)";

/// Whether a grant for this should not be given to any service, whatever its boundary.
#[cfg(target_os = "linux")]
pub(crate) fn is_never_granted(access: &access::Access) -> bool {
    judge::never(access, &Context::NOTHING).is_some()
}

/// Explains a text. Never panics, whatever it is.
#[must_use]
pub fn explain(text: &str, context: &Context<'_>) -> Report {
    let found = read::read(text);
    let mut report = begun(context);
    let told = told(&found.symptoms, context);
    let below = explained_below(&found.symptoms, &told);
    let above = told_above(&found.symptoms);
    let mut order: Vec<Explanation> = Vec::new();
    for (index, explanation) in told.iter().enumerate() {
        let Some(explanation) = explanation else { continue };
        // What is around an error that is understood says less than it does; the preload says more
        // than the error of the kernel inside of it.
        let itself = found.symptoms.get(index).is_some_and(says_itself);
        if above.get(index) == Some(&true) || (!itself && below.get(index) == Some(&true)) {
            continue;
        }
        let mut explanation = explanation.clone();
        if let Some(symptom) = found.symptoms.get(index) {
            explanation.line = symptom.line;
            explanation.seen = seen(&symptom.seen);
        }
        order.push(explanation);
    }
    let mut drops = dropped::Drops::default();
    for (line, event) in &found.events {
        order.extend(events::one(event, *line, &mut drops, context));
    }
    order.sort_by_key(|explanation| explanation.line);
    for explanation in order {
        group(&mut report, explanation);
    }
    if found.shortened {
        let most = MOST_BYTES / (1024 * 1024);
        report.notes.push(format!(
            "the text is longer than {most} MiB: only its beginning and its end were read"
        ));
    }
    if found.cut {
        let most = read::MOST_ERRORS;
        report.notes.push(format!("only the first {most} errors of the text were read"));
    }
    finish(&mut report, context);
    report
}

/// An empty report for this context.
fn begun(context: &Context<'_>) -> Report {
    let boundary = context.setting.map(|setting| display::untrusted(setting.path).to_string());
    Report { schema: SCHEMA, boundary, ..Report::default() }
}

/// Adds an explanation, or counts it where it was given before.
fn group(report: &mut Report, explanation: Explanation) {
    let same = |known: &&mut Explanation| {
        known.code == explanation.code
            && known.cause == explanation.cause
            && known.grants() == explanation.grants()
    };
    if let Some(known) = report.explanations.iter_mut().find(same) {
        known.count += explanation.count;
        return;
    }
    report.explanations.push(explanation);
}

/// Bounds the report and puts all grants together.
fn finish(report: &mut Report, context: &Context<'_>) {
    let left_out = report.explanations.len().saturating_sub(MOST);
    report.explanations.truncate(MOST);
    if left_out > 0 {
        report.notes.push(format!("{left_out} more kinds of errors were left out"));
    }
    let grants: Vec<Grant> = report
        .explanations
        .iter()
        .flat_map(|explanation| explanation.grants().iter().cloned())
        .collect();
    report.lines = grant::lines(&grants, context.setting.as_ref());
    if context.setting.is_none() {
        report
            .notes
            .push("no boundary file was found: what is granted already is not known".to_owned());
    }
}

/// Explains each error; those that are the same only once. A text with very many different ones
/// is explained without the host, which would be asked about each.
fn told(symptoms: &[Symptom], context: &Context<'_>) -> Vec<Option<Explanation>> {
    let text_alone = Context { setting: context.setting, host: &NoHost };
    let mut known: HashMap<String, Option<Explanation>> = HashMap::new();
    let mut told = Vec::with_capacity(symptoms.len());
    for symptom in symptoms {
        let many = known.len() >= MOST;
        let explained = known
            .entry(symptom.identity())
            .or_insert_with(|| causes::of(symptom, if many { &text_alone } else { context }));
        told.push(explained.clone());
    }
    told
}

/// Whether an error says itself what was refused, as the preload does.
fn says_itself(symptom: &Symptom) -> bool {
    symptom.code == "ERR_ACCESS_DENIED"
        && (!symptom.resource.is_empty()
            || !symptom.missing.is_empty()
            || symptom.says_any(&["granted by the boundary", dropped::WORDS]))
}

/// For each error whether one around it says so. What is around has the lower number.
fn told_above(symptoms: &[Symptom]) -> Vec<bool> {
    let mut above: Vec<bool> = Vec::with_capacity(symptoms.len());
    for symptom in symptoms {
        let told = symptom.parent.is_some_and(|parent| {
            above.get(parent) == Some(&true) || symptoms.get(parent).is_some_and(says_itself)
        });
        above.push(told);
    }
    above
}

/// For each error whether one inside of it is explained.
fn explained_below(symptoms: &[Symptom], told: &[Option<Explanation>]) -> Vec<bool> {
    let mut below = vec![false; symptoms.len()];
    for (index, symptom) in symptoms.iter().enumerate().rev() {
        let explained = told.get(index).is_some_and(Option::is_some);
        let explained = explained || below.get(index) == Some(&true);
        if let Some(parent) = symptom.parent.filter(|_| explained)
            && let Some(around) = below.get_mut(parent)
        {
            *around = true;
        }
    }
    below
}

/// The line of an error, safe and not longer than two lines of a terminal.
fn seen(text: &str) -> String {
    let text = display::untrusted(text).to_string();
    if text.len() <= 150 { text } else { format!("{}...", text.get(..147).unwrap_or_default()) }
}

/// Explains one event.
#[must_use]
pub fn event(event: &Event, context: &Context<'_>) -> Report {
    events([(1, event.clone())], context)
}
