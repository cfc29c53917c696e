//! The model sentence says "uses read-only root filesystem".

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "write-root",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "changes its own root folder",
    act: Act::Native(|_| files::change_root()),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
