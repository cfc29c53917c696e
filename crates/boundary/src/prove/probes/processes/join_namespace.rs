//! Leaving by the namespace of another.

use crate::prove::probe::{Act, Class, NO_SUCH_PROCESS, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "join-namespace",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "enters the namespace of a process outside",
    act: Act::Native(processes::join_namespace),
    refusals: NO_SUCH_PROCESS,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Seccomp],
};
