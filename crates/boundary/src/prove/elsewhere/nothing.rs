//! Nothing at all: the program as the service's user, with the environment of whoever starts it.

use super::place::{Place, Start, Task};
use crate::prove::arena::ArenaError;

/// The place.
pub(super) const PLACE: Place = Place {
    id: "bare",
    what: "the program itself, as the service's user",
    cannot: &[],
    program: None,
    no_native: None,
    limits: false,
    held: &[],
    own_kernel: &[],
    start,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every place")]
fn start(task: &Task<'_>) -> Result<Start, ArenaError> {
    Ok(Start {
        argv: task.plan.program.argv.clone(),
        environment: task.environment.to_vec(),
        as_service: true,
        user: None,
        after: None,
    })
}
