//! Taking open files of others.

use crate::prove::probe::{Act, Class, NO_SUCH_PROCESS, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "take-descriptor",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "takes a descriptor out of a process outside",
    act: Act::Native(processes::take_descriptor),
    refusals: NO_SUCH_PROCESS,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Seccomp],
};
