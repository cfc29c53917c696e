//! The same without connect(2): with Landlock alone this escapes.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::injected;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "fast-open-again",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "takes a granted socket off its peer and sends elsewhere",
    act: Act::Native(injected::resend_fast_open),
    refusals: &["EOPNOTSUPP", "EPERM", "EACCES", "ENOSYS"],
    setting: Setting::Granted,
    layers: &[Layer::Seccomp],
};
