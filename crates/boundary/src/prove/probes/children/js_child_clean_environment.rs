//! A child with a clean environment has none of Node's restrictions.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-child-clean-environment",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "reads a file outside in a Node with an empty environment",
    act: Act::JavaScript(
        r"
            const { spawnSync } = require('node:child_process');
            const code = `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(p.outside_file)}))`;
            const done = spawnSync(process.execPath, ['-e', code], { env: {}, timeout: 3000 });
            if (done.error) throw done.error;
            return t.expect(String(done.stdout), 'a child read the canary');
        ",
    ),
    refusals: &["EACCES", "EPERM", "ENOENT", "ENOSYS", "ERR_ACCESS_DENIED", "other-content"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces, Layer::NodeFlags],
};
