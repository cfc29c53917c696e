//! Leaving a writable folder through a symlink made there.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, Step, files};
use std::fs::{self, File};
use std::os::unix::fs::symlink;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "follow-own-symlink",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "makes a symlink to a file outside and reads through it",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let link = params.path("write_dir")?.join(format!("link-{}", std::process::id()));
    symlink(params.path("outside_file")?, &link)
        .map_err(|error| Failure::not_applicable(format!("no symlink can be made: {error}")))?;
    let opened = File::open(&link).step("open");
    let _ = fs::remove_file(&link);
    files::expect_token(&mut opened?, params.text("token")?)?;
    Ok("read the canary through a symlink".to_owned())
}
