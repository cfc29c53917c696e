//! `/proc/PID/root` of a process with another view.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, files, processes};
use std::fs::File;
use std::path::PathBuf;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "host-process-root",
    class: Class::Proc,
    claim: Claim::FilesRead,
    attack: "reads a file outside through the root of a process outside",
    act: Act::Native(attack),
    refusals: &["ENOENT", "EACCES", "EPERM", "ESRCH"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let pid = processes::canary(params)?;
    let mut path = PathBuf::from(format!("/proc/{pid}/root"));
    path.extend(params.path("outside_file")?.components().skip(1));
    let mut file = File::open(path).step("open")?;
    files::expect_token(&mut file, params.text("token")?)?;
    Ok("read the canary through /proc".to_owned())
}
