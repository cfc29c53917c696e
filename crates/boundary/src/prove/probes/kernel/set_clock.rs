//! The host itself.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "set-clock",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "calls settimeofday",
    act: Act::Native(kernel::set_clock),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
