//! A program in a folder granted for reading.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-readable",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes a file that is granted for reading",
    act: Act::Native(|params| execute::run_parameter(params, "readable_program")),
    refusals: NOT_STARTED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
