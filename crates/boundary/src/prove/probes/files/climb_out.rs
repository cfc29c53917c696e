//! Climbing above the root by `..`.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::File;
use std::path::PathBuf;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "climb-out",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "climbs out of its working folder by .. to a file outside",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let mut path = PathBuf::from("/proc/self/cwd");
    path.extend(["..", "..", "..", "..", "..", ".."]);
    path.extend(params.path("outside_file")?.components().skip(1));
    let mut file = File::open(path).step("open")?;
    files::expect_token(&mut file, params.text("token")?)?;
    Ok("climbed out to the canary".to_owned())
}
