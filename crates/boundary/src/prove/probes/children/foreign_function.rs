//! Any function of any library; the kernel still holds what it can reach.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "foreign-function",
    class: Class::Children,
    claim: Claim::ProcessFfi,
    attack: "calls into the C library with node:ffi",
    act: Act::JavaScript(
        r"
            const { dlopen } = t.module('node:ffi');
            const { functions } = dlopen(p.library, { getpid: { parameters: [], result: 'i32' } });
            return `getpid answered ${functions.getpid()}`;
        ",
    ),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::NodeFlags, Layer::Seccomp],
};
