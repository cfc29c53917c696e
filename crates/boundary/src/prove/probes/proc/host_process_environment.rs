//! Secrets of other processes in their environment.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, Step, processes};
use std::fs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "host-process-environment",
    class: Class::Proc,
    claim: Claim::ProcessIsolation,
    attack: "reads the environment of a process outside",
    act: Act::Native(attack),
    refusals: &["ENOENT", "EACCES", "EPERM", "ESRCH"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

fn attack(params: &Params) -> Attempt {
    let pid = processes::canary(params)?;
    let environment = fs::read(format!("/proc/{pid}/environ")).step("read")?;
    if environment.is_empty() {
        return Err(Failure::not_applicable("the canary has an empty environment"));
    }
    Ok(format!("read {} bytes of environment", environment.len()))
}
