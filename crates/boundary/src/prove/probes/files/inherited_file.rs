//! Descriptors that leak into the service.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "inherited-file",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "reads a file through a descriptor left open by whoever started it",
    act: Act::Native(files::inherited_file),
    refusals: &["EBADF", "other-content", "ESPIPE", "EINVAL"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces],
};
