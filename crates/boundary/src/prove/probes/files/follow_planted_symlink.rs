//! Leaving a readable folder through a symlink that was there before.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "follow-planted-symlink",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "follows a symlink in a granted folder to a file outside",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let mut file = File::open(params.path("planted_link")?).step("open")?;
    files::expect_token(&mut file, params.text("token")?)?;
    Ok("read the canary through a symlink".to_owned())
}
