//! Writing where only reading is granted.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::{self, File};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "write-read-grant",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "makes a file in a folder granted for reading",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let name = params.path("read_dir")?.join(format!("written-{}", std::process::id()));
    File::create_new(&name).step("create")?;
    fs::remove_file(&name).step("unlink")?;
    Ok("made a file in a read-only folder".to_owned())
}
