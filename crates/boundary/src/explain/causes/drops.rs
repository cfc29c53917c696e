//! Refusals that say themselves that their grant was dropped.

use super::super::code::Code;
use super::super::context::Context;
use super::super::dropped::{WORDS, told};
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

pub(super) fn of(symptom: &Symptom, _: &Context<'_>) -> Option<Explanation> {
    let (before, _) = symptom.message.split_once(WORDS)?;
    let what = if symptom.resource.is_empty() {
        before.split_whitespace().last().unwrap_or("what was asked for").trim_matches(['"', '`'])
    } else {
        &symptom.resource
    };
    let cause = format!("the grant of {} was taken back while the service ran", shown(what));
    Some(told(Explanation::new(Code::DroppedAtRuntime, Some(Layer::Broker), cause)))
}
