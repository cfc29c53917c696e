//! Rebooting or dumping by `/proc/sysrq-trigger`.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "magic-requests",
    class: Class::Proc,
    claim: Claim::ProcessKernel,
    attack: "opens the trigger of magic system requests",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Identity],
};

fn attack(_params: &Params) -> Attempt {
    File::options().write(true).open("/proc/sysrq-trigger").step("open")?;
    Ok("opened sysrq-trigger for writing".to_owned())
}
