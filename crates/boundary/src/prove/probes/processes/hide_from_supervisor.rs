//! Evading revocation.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "hide-from-supervisor",
    class: Class::Processes,
    claim: Claim::ProcessKernel,
    attack: "makes itself undumpable to hide its descriptors",
    act: Act::Native(processes::hide_from_supervisor),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
