//! Changing permission bits where only reading is granted; Landlock does not cover it.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "change-mode",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "changes the mode of a file granted for reading",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};

fn attack(params: &Params) -> Attempt {
    fs::set_permissions(params.path("spare_file")?, Permissions::from_mode(0o666)).step("chmod")?;
    Ok("changed the mode of a read-only file".to_owned())
}
