//! Variables that load code before the program starts.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "loader-variables",
    class: Class::Environment,
    claim: Claim::EnvironmentLoaders,
    attack: "sees variables that steer the dynamic loader",
    act: Act::Native(attack),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Environment],
};

fn attack(_params: &Params) -> Attempt {
    for name in ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "GLIBC_TUNABLES"] {
        if std::env::var_os(name).is_some() {
            return Ok(format!("{name} is set"));
        }
    }
    Err(Failure::effect("no-effect", "none is set"))
}
