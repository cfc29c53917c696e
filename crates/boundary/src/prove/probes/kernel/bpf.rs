//! The BPF verifier as attack surface.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "bpf",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "calls bpf",
    act: Act::Native(kernel::bpf),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
