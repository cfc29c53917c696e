//! Another protocol, with a history of holes.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "dccp-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a DCCP socket",
    act: Act::Native(|_| network::make("a DCCP socket", libc::AF_INET, 6, libc::IPPROTO_DCCP)),
    refusals: &[
        "EAFNOSUPPORT",
        "EPERM",
        "EACCES",
        "EPROTONOSUPPORT",
        "ESOCKTNOSUPPORT",
        "ENOSYS",
        "SIGSYS",
        "EINVAL",
    ],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
