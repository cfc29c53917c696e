//! A granted name whose owner points it at a private address (DNS rebinding).

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, network};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "private-name",
    class: Class::Network,
    claim: Claim::NetPrivateRanges,
    attack: "looks up a granted name that leads to a loopback address",
    act: Act::Native(attack),
    refusals: &["dns-2", "dns-3", "dns-5", "dns-0", "no-answer"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};

/// Asks the resolver inside (nobody is there outside) and the canary server, in turn.
fn attack(params: &Params) -> Attempt {
    let name = params.text("private_name")?;
    let resolver = std::net::SocketAddr::from(([127, 0, 0, 1], 53));
    match network::ask(resolver, name) {
        Err(Failure::Refused { errno: Some(_), .. }) => network::ask(params.address("dns")?, name),
        answered => answered,
    }
}
