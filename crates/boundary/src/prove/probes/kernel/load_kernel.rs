//! Another kernel.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "load-kernel",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "loads another kernel",
    act: Act::Native(kernel::load_kernel),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
