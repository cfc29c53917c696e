//! Seeing what else runs on the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step, processes};
use std::fs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "host-processes-visible",
    class: Class::Proc,
    claim: Claim::ProcessIsolation,
    attack: "looks for a process outside in /proc",
    act: Act::Native(attack),
    refusals: &["ENOENT", "ESRCH", "EACCES", "EPERM"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces],
};

fn attack(params: &Params) -> Attempt {
    let pid = processes::canary(params)?;
    fs::metadata(format!("/proc/{pid}")).step("stat")?;
    Ok("saw a process outside".to_owned())
}
