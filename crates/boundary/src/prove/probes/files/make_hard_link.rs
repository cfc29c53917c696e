//! Bringing a file in by a second name.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::{self, File};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "make-hard-link",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "links a file outside into a writable folder and reads it",
    act: Act::Native(attack),
    refusals: &["ENOENT", "EACCES", "EPERM", "EXDEV"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let link = params.path("write_dir")?.join(format!("hard-{}", std::process::id()));
    fs::hard_link(params.path("outside_file")?, &link).step("link")?;
    let opened = File::open(&link).step("open");
    let _ = fs::remove_file(&link);
    files::expect_token(&mut opened?, params.text("token")?)?;
    Ok("read the canary under another name".to_owned())
}
