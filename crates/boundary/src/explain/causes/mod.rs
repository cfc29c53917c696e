//! From one error to its explanation: an ordered table, the first that knows it answers.

mod addons;
mod application;
mod drops;
mod environment;
mod files;
mod limits;
mod modules;
mod names;
pub(super) mod network;
mod node;
mod programs;
pub(super) mod start;
mod system;
mod unix;

use super::access::{Access, Outcome};
use super::code::Code;
use super::context::Context;
use super::dropped;
use super::report::Explanation;
use super::symptom::Symptom;

type Recogniser = fn(&Symptom, &Context<'_>) -> Option<Explanation>;

/// The most specific first.
const ORDER: [Recogniser; 12] = [
    drops::of,
    start::of,
    node::of,
    addons::of,
    limits::of,
    network::of,
    modules::of,
    programs::of,
    files::of,
    system::of,
    environment::of,
    application::of,
];

/// Explains one error.
pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    ORDER.iter().find_map(|recognise| recognise(symptom, context))
}

/// The explanation of something that is granted already, when it was Node or ringfence that
/// refused.
fn settled(explanation: Explanation, access: &Access, context: &Context<'_>) -> Explanation {
    let mut explanation = explanation;
    match access.outcome(context) {
        Outcome::Already
            if matches!(access, Access::Read(path) | Access::Write(path)
                if dropped::droppable(context, path).is_some()) =>
        {
            dropped::told(explanation).likely()
        }
        Outcome::Already => {
            explanation.code = Code::GrantedAlready;
            explanation.instead(
                "the boundary file grants it already, and the service ran with another file, \
                 without `ringfence run`, or dropped the grant itself: start it anew",
            )
        }
        Outcome::Missing(advice) => explanation.advise(advice),
        Outcome::Never(code, advice) => {
            explanation.code = code;
            explanation.advise(advice)
        }
        Outcome::Nothing(why) if why.is_empty() => explanation.instead("no grant can be named"),
        Outcome::Nothing(why) if why.contains("listen on one of them") => explanation.instead(why),
        Outcome::Nothing(why) => explanation.instead(format!("no grant can be named: {why}")),
    }
}
