//! Filling a disk with one file.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "file-size",
    class: Class::Limits,
    claim: Claim::LimitsFileSize,
    attack: "writes a file larger than its limit",
    act: Act::Native(limits::file_size),
    refusals: &["EFBIG"],
    setting: Setting::Granted,
    layers: &[Layer::Rlimits],
};
