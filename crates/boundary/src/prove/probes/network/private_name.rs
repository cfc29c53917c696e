//! A granted name whose owner points it at a private address (DNS rebinding).

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Failure, Params, network};
use std::net::ToSocketAddrs;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "private-name",
    class: Class::Network,
    claim: Claim::NetPrivateRanges,
    attack: "connects by a granted name that leads to a loopback address",
    act: Act::Native(attack),
    refusals: &["no-address", "EACCES", "EPERM", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};

fn attack(params: &Params) -> Attempt {
    let (name, port) = (params.text("private_name")?, params.number::<u16>("private_port")?);
    match (name, port).to_socket_addrs().map(|mut found| found.find(std::net::SocketAddr::is_ipv4))
    {
        Ok(Some(address)) => network::reach(address, params.text("token")?),
        Ok(None) => Err(Failure::effect("no-address", "the name has no address")),
        Err(error) => Err(Failure::effect("no-address", error.to_string())),
    }
}
