//! What others wrote to the same file is read by opening it again.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "reopen-output",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "opens its standard output again and reads from its start",
    act: Act::Native(|_| files::reopen_output()),
    refusals: &["ESPIPE", "EACCES", "EPERM", "ENOENT", "ENXIO"],
    setting: Setting::Exact,
    layers: &[Layer::Broker, Layer::Landlock],
};
