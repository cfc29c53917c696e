//! The source of a secret, which outlives its delivery.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, Step};
use std::fs::File;
use std::io::Read;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "read-secret-source",
    class: Class::Files,
    claim: Claim::SecretsDelivered,
    attack: "reads the file a secret comes from",
    act: Act::Native(attack),
    refusals: &["ENOENT", "EACCES", "EPERM", "no-effect"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let mut byte = [0];
    let mut file = File::open(params.path("secret_source")?).step("open")?;
    match file.read(&mut byte).step("read")? {
        0 => Err(Failure::effect("no-effect", "the file is empty")),
        _ => Ok("read the source of a secret".to_owned()),
    }
}
