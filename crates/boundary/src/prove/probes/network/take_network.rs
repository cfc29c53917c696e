//! A handle of the host's network.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "take-network",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "takes the host's network namespace through a granted socket",
    act: Act::Native(injected::take_network),
    refusals: &["EPERM", "EACCES", "ENOTTY", "ENOSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
