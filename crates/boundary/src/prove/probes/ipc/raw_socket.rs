//! Raw packets.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "raw-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a raw ICMP socket",
    act: Act::Native(|_| {
        network::make("a raw socket", libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
    }),
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
