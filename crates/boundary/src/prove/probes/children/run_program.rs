//! Starting a program without a grant.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-program",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes a program that is not granted",
    act: Act::Native(|params| execute::run_parameter(params, "other_program")),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
