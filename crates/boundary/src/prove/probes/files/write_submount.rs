//! A read-only bind that is not recursive leaves what is mounted below it writable.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "write-submount",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "changes a file in a mount below a read grant",
    act: Act::Native(mounts::write_below),
    refusals: NOT_WRITABLE,
    setting: Setting::Mounted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
