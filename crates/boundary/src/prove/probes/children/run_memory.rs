//! Programs that were never files.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-memory",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes a program in memory",
    act: Act::Native(execute::run_memory),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
