//! Destroying contents where only reading is granted.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "truncate-read-grant",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "truncates a file granted for reading",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let file = File::options().write(true).open(params.path("spare_file")?).step("open")?;
    file.set_len(0).step("ftruncate")?;
    Ok("truncated a read-only file".to_owned())
}
