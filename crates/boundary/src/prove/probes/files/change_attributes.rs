//! Setting extended attributes where only reading is granted; Landlock does not cover it.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, files};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "change-attributes",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "sets an extended attribute on a file granted for reading",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};

fn attack(params: &Params) -> Attempt {
    files::set_attribute(params.path("spare_file")?)?;
    Ok("set an attribute of a read-only file".to_owned())
}
