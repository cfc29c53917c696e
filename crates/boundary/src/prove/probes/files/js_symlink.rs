//! Node's permission model follows symlinks out of a grant; the kernel does not.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-symlink",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "follows a planted symlink with node:fs, which Node itself allows",
    act: Act::JavaScript(
        r"
            const text = require('node:fs').readFileSync(p.planted_link, 'utf8');
            return t.expect(text, 'read the canary through a symlink');
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
