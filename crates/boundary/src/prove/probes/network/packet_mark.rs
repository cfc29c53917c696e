//! Marks choose routes of the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "packet-mark",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "marks the packets of a granted socket",
    act: Act::Native(injected::mark),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOPROTOOPT", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
