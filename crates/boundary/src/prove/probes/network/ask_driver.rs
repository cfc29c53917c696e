//! Driver requests through a granted socket.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "ask-driver",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "asks the host's network driver through a granted socket",
    act: Act::Native(injected::ask_driver),
    refusals: &["EPERM", "EACCES", "ENOTTY", "ENOSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
