//! Variables nobody granted.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "foreign-variable",
    class: Class::Environment,
    claim: Claim::EnvironmentListed,
    attack: "reads a variable of whoever started it",
    act: Act::Native(attack),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Environment],
};

fn attack(params: &Params) -> Attempt {
    match std::env::var_os(params.value("env_name")?) {
        Some(value) if value == params.value("token")? => Ok("saw the canary variable".to_owned()),
        _ => Err(Failure::effect("no-effect", "the variable is not there")),
    }
}
