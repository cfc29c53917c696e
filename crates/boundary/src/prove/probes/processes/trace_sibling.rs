//! One process of the service must not take over another.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::locks;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "trace-sibling",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "attaches to another process of the service",
    act: Act::Native(locks::trace_child),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
