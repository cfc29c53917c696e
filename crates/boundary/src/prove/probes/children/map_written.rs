//! What loading a library does, on a file of its own.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "map-written",
    class: Class::Children,
    claim: Claim::FilesExecute,
    attack: "maps a file it has written executable",
    act: Act::Native(|params| execute::map_written(params, "write_dir")),
    refusals: &["EPERM", "EACCES", "ENODEV"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};
