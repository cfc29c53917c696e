//! The footguns of the manual: `*`, and lists with commas that grant nothing they say.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-child-wildcard-flags",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "starts a Node that is granted everything",
    act: Act::JavaScript(
        r"
            const { spawnSync } = require('node:child_process');
            const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'];
            const code = `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(p.outside_file)}))`;
            const done = spawnSync(process.execPath, [...flags, '-e', code], { env: {}, timeout: 3000 });
            if (done.error) throw done.error;
            return t.expect(String(done.stdout), 'a child with every grant read the canary');
        ",
    ),
    refusals: &["EACCES", "EPERM", "ENOENT", "ENOSYS", "ERR_ACCESS_DENIED", "other-content"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces, Layer::NodeFlags],
};
