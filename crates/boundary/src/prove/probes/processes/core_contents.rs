//! What a core file would hold can be chosen per process.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "core-contents",
    class: Class::Processes,
    claim: Claim::SecretsDelivered,
    attack: "makes a core file hold memory again",
    act: Act::Native(processes::core_contents),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Rlimits, Layer::Landlock],
};
