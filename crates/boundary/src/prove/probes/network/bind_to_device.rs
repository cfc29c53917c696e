//! Choosing the host's interface.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "bind-to-device",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "binds a granted socket to an interface of the host",
    act: Act::Native(injected::bind_to_device),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOPROTOOPT", "EOPNOTSUPP", "SIGSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
