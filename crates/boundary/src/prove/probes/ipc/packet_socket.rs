//! Raw frames.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "packet-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a packet socket",
    act: Act::Native(|_| network::make("a packet socket", libc::AF_PACKET, libc::SOCK_RAW, 0)),
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
