//! Replacing files where only reading is granted.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "rename-read-grant",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "renames a file granted for reading",
    act: Act::Native(attack),
    refusals: &["EROFS", "EACCES", "EPERM", "ENOENT", "EXDEV"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let from = params.path("spare_file")?;
    let to = from.with_extension("renamed");
    fs::rename(from, &to).step("rename")?;
    fs::rename(&to, from).step("rename")?;
    Ok("renamed a read-only file".to_owned())
}
