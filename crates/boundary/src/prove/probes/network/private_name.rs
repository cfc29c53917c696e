//! A granted name whose owner points it at a private address (DNS rebinding).

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params};
use std::net::ToSocketAddrs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "private-name",
    class: Class::Network,
    claim: Claim::NetPrivateRanges,
    attack: "looks up a granted name that leads to a private address",
    act: Act::Native(attack),
    refusals: &["no-address"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};

fn attack(params: &Params) -> Attempt {
    let name = params.text("private_name")?;
    let addresses = (name, 9).to_socket_addrs().map(|mut found| found.next());
    match addresses {
        Ok(Some(address)) => Ok(format!("{name} is {}", address.ip())),
        Ok(None) => Err(Failure::effect("no-address", "the name has no address")),
        Err(error) => Err(Failure::effect("no-address", error.to_string())),
    }
}
