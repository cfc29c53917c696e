//! Names through a server without a grant.

use crate::prove::probe::{Act, Class, NOT_ANSWERED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, network};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "other-server",
    class: Class::Names,
    claim: Claim::NetNames,
    attack: "asks a name server of its own choice",
    act: Act::Native(attack),
    refusals: NOT_ANSWERED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker],
};

fn attack(params: &Params) -> Attempt {
    let name = format!("other-server.{}", params.text("dns_zone")?);
    network::ask(params.address("dns")?, &name)
}
