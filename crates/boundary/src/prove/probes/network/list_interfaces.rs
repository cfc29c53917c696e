//! What a granted socket knows about the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "list-interfaces",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "lists the host's interfaces through a granted socket",
    act: Act::Native(injected::list_interfaces),
    refusals: &["EPERM", "EACCES", "ENOTTY", "ENOSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
