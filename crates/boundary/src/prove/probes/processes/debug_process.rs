//! `process._debugProcess` is not guarded by Node; the canary ignores the signal.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "debug-process",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "opens the inspector of a process outside with process._debugProcess",
    act: Act::JavaScript(
        r"
            t.canary();
            process._debugProcess(Number(p.canary_pid));
            return 'signalled the canary';
        ",
    ),
    refusals: &["ESRCH", "EPERM", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
