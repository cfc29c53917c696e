//! A shell.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-shell",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "starts a shell with node:child_process",
    act: Act::JavaScript(
        r"
            const { execSync } = require('node:child_process');
            execSync('exit 0', { shell: p.shell, timeout: 1500, stdio: 'ignore' });
            return 'a shell ran';
        ",
    ),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces, Layer::NodeFlags],
};
