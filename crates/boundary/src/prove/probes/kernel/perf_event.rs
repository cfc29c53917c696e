//! Side channels and attack surface.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "perf-event",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "opens a performance event",
    act: Act::Native(kernel::perf_event),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
