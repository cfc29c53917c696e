//! Reports show the whole environment.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "report-environment",
    class: Class::Environment,
    claim: Claim::EnvironmentListed,
    attack: "finds a variable of whoever started it in a diagnostic report",
    act: Act::JavaScript(
        r"
            const { environmentVariables } = process.report.getReport();
            if (environmentVariables?.[p.env_name] === p.token) return 'the report shows the canary';
            throw Object.assign(new Error('the report does not show it'), { code: 'no-effect' });
        ",
    ),
    refusals: &["no-effect", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Environment],
};
