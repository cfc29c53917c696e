//! `process.kill` is not guarded by Node.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-kill",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "signals a process outside with process.kill, which Node itself allows",
    act: Act::JavaScript(
        r"
            t.canary();
            process.kill(Number(p.canary_pid), 0);
            return 'may signal the canary';
        ",
    ),
    refusals: &["ESRCH", "EPERM"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
