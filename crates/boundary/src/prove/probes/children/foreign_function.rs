//! Any function of any library: what holds is not Node's switch but what the kernel lets it reach.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "foreign-function",
    class: Class::Children,
    claim: Claim::ProcessFfi,
    attack: "opens a file outside by calling the C library with node:ffi",
    act: Act::JavaScript(
        r"
            const { dlopen } = t.module('node:ffi');
            const { functions } = dlopen(p.library, {
                access: { arguments: ['string', 'i32'], return: 'i32' },
            });
            if (functions.access(p.outside_file, 4) === 0) return 'may read the canary';
            throw Object.assign(new Error('access() refused'), { code: 'EACCES' });
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
