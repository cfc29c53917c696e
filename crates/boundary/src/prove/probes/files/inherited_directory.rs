//! Directory descriptors that leak into the service.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "inherited-directory",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "walks out of a directory descriptor left open by whoever started it",
    act: Act::Native(files::inherited_directory),
    refusals: &["EBADF", "ENOTDIR", "ENOENT"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces],
};
