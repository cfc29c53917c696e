//! Keys of whoever started the service.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "session-keyring",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "reaches the session keyring",
    act: Act::Native(kernel::session_keyring),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
