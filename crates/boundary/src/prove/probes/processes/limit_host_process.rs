//! Limits of processes outside.

use crate::prove::probe::{Act, Class, NO_SUCH_PROCESS, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "limit-host-process",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "changes the limits of a process outside",
    act: Act::Native(processes::limit),
    refusals: NO_SUCH_PROCESS,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Seccomp],
};
