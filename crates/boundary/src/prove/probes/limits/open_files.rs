//! Using up descriptors.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "open-files",
    class: Class::Limits,
    claim: Claim::LimitsOpenFiles,
    attack: "opens more descriptors than its limit",
    act: Act::Native(limits::open_files),
    refusals: &["EMFILE"],
    setting: Setting::Exact,
    layers: &[Layer::Rlimits],
};
