//! Making exploits reliable.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "personality",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "switches off address space randomisation",
    act: Act::Native(kernel::personality),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
