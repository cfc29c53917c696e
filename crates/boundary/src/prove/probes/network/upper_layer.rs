//! Kernel protocols on top of TCP.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "upper-layer",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "puts another protocol on a granted socket",
    act: Act::Native(injected::upper_layer),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOPROTOOPT", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
