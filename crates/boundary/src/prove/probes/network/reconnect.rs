//! A granted socket used for another address.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "reconnect",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "takes a granted socket off its peer and connects it elsewhere",
    act: Act::Native(injected::reconnect),
    refusals: NOT_CONNECTED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Broker],
};
