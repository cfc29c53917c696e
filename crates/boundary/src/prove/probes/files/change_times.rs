//! Changing times where only reading is granted; Landlock does not cover it.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, files};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "change-times",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "changes the times of a file granted for reading",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};

fn attack(params: &Params) -> Attempt {
    files::set_times(params.path("spare_file")?)?;
    Ok("changed the times of a read-only file".to_owned())
}
