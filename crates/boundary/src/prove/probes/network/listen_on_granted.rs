//! A granted socket turned into a listener on the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "listen-on-granted",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "takes a granted socket off its peer and listens on it",
    act: Act::Native(injected::listen),
    refusals: &["EPERM", "EACCES", "ENOSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Broker],
};
