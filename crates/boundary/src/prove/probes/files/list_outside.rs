//! Listing a folder that no grant covers.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, Step};
use std::fs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "list-outside",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "lists a folder that no grant covers",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let name = params.path("outside_file")?.file_name().unwrap_or_default().to_owned();
    let mut entries = fs::read_dir(params.path("outside_dir")?).step("opendir")?;
    if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() == name)) {
        Ok("saw the canary's name".to_owned())
    } else {
        Err(Failure::effect("ENOENT", "the folder is another one"))
    }
}
