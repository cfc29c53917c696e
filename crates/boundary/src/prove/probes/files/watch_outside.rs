//! Watching tells what others do with a file.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "watch-outside",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "watches a file that no grant names",
    act: Act::Native(files::watch_outside),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
