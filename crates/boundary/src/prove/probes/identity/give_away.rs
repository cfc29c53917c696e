//! Changing owners.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "give-away",
    class: Class::Identity,
    claim: Claim::IdentityNonRoot,
    attack: "gives a file to another user",
    act: Act::Native(identity::give_away),
    refusals: &["EPERM", "EACCES", "EINVAL", "ENOSYS", "SIGSYS", "EROFS"],
    setting: Setting::Granted,
    layers: &[Layer::Identity, Layer::Namespaces],
};
