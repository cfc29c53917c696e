//! The one program that is executable, started a second time.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-itself",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes its own program again",
    act: Act::Native(execute::run_itself),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
