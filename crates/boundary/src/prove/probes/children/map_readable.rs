//! Loading a library from a data folder.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::File;
use std::os::fd::AsFd;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "map-readable",
    class: Class::Children,
    claim: Claim::ProcessAddons,
    attack: "maps a file executable that is granted for reading",
    act: Act::Native(attack),
    refusals: &["EPERM", "EACCES", "ENODEV"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};

fn attack(params: &Params) -> Attempt {
    let file = File::open(params.path("readable_program")?).step("open")?;
    files::map_executable(file.as_fd()).step("mmap")?;
    Ok("mapped a data file executable".to_owned())
}
