//! Where output is a file of the host, who may write there may also cut it.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "truncate-output",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "cuts the file its standard output goes to",
    act: Act::Native(|_| files::truncate_output()),
    refusals: &["EINVAL", "EPERM", "EACCES", "EROFS"],
    setting: Setting::Exact,
    layers: &[Layer::Broker],
};
