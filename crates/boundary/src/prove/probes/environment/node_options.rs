//! NODE_OPTIONS can switch permissions off.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "node-options",
    class: Class::Environment,
    claim: Claim::EnvironmentLoaders,
    attack: "is steered by NODE_OPTIONS of whoever started it",
    act: Act::JavaScript(
        r"
            if (process.title === p.node_title) return 'NODE_OPTIONS was followed';
            throw Object.assign(new Error('NODE_OPTIONS was not followed'), { code: 'no-effect' });
        ",
    ),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Environment],
};
