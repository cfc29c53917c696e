//! Opening files past every path rule.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "open-by-handle",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "opens the root of the file system by handle",
    act: Act::Native(files::open_by_handle),
    refusals: &["EPERM", "EACCES", "ENOSYS", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Identity],
};
