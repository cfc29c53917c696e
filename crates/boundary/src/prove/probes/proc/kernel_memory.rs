//! `/proc/kcore`.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "kernel-memory",
    class: Class::Proc,
    claim: Claim::ProcessKernel,
    attack: "opens the image of kernel memory",
    act: Act::Native(attack),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Identity],
};

fn attack(_params: &Params) -> Attempt {
    File::open("/proc/kcore").step("open")?;
    Ok("opened kcore".to_owned())
}
