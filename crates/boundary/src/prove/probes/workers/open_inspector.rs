//! A debugger for whoever can connect.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "open-inspector",
    class: Class::Workers,
    claim: Claim::ProcessInspector,
    attack: "opens the inspector where the host can connect",
    act: Act::JavaScriptSeen(
        r"
            const inspector = require('node:inspector');
            inspector.open(t.port(p.inspector), t.host(p.inspector), false);
            await t.pause(300);
            inspector.close();
            return 'opened the inspector';
        ",
        "knock:inspector",
    ),
    refusals: &["not-seen", "ERR_ACCESS_DENIED", "EACCES", "EPERM"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::NodeFlags],
};
