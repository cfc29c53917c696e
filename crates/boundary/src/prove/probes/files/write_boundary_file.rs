//! Widening the boundary by writing its own file.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "write-boundary-file",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "opens its own boundary file for writing",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    File::options().write(true).open(params.path("boundary_file")?).step("open")?;
    Ok("opened the boundary file for writing".to_owned())
}
