//! IPv6 source routing sends the stream elsewhere.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "routing-header",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "routes a granted socket through a chosen host",
    act: Act::Native(injected::routing_header),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOPROTOOPT", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
