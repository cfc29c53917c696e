//! IPv4 source routing.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "source-route",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "routes a granted socket through a chosen host over IPv4",
    act: Act::Native(injected::source_route),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOPROTOOPT", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
