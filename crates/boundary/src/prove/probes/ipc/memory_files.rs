//! Shared memory as files.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "memory-files",
    class: Class::Ipc,
    claim: Claim::ProcessIsolation,
    attack: "reads a file of the host in /dev/shm",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let mut file = File::open(params.path("shm_file")?).step("open")?;
    files::expect_token(&mut file, params.text("token")?)?;
    Ok("read the canary in /dev/shm".to_owned())
}
