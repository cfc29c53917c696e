//! System calls past the filter.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "io-uring",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "makes an io_uring, whose requests pass no filter",
    act: Act::Native(kernel::io_uring),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
