//! Changing the kernel by `/proc/sys`.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "kernel-settings",
    class: Class::Proc,
    claim: Claim::FilesWrite,
    attack: "opens kernel settings for writing",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Identity],
};

fn attack(_params: &Params) -> Attempt {
    File::options().write(true).open("/proc/sys/kernel/core_pattern").step("open")?;
    Ok("opened core_pattern for writing".to_owned())
}
