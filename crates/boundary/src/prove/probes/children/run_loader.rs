//! The dynamic loader as an interpreter.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-loader",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes the dynamic loader, which runs any file",
    act: Act::Native(|params| execute::run_parameter(params, "loader")),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
