//! `uevent_helper`, a classic way out of containers.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, Step};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "hot-plug-helper",
    class: Class::Proc,
    claim: Claim::ProcessKernel,
    attack: "opens the path of the program the kernel runs as root",
    act: Act::Native(attack),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Identity],
};

fn attack(_params: &Params) -> Attempt {
    File::options().write(true).open("/sys/kernel/uevent_helper").step("open")?;
    Ok("opened uevent_helper for writing".to_owned())
}
