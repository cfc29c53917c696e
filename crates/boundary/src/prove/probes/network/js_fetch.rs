//! `fetch`, whose error hides its cause.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-fetch",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "fetches from a server of the host that no grant names",
    act: Act::JavaScript(
        r"
            const answer = await fetch(`http://${p.http4}/`);
            return t.expect(await answer.text(), 'fetched the canary');
        ",
    ),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
