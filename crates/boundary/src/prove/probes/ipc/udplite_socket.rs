//! Datagrams of another protocol.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "udplite-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a UDP-Lite socket",
    act: Act::Native(|_| {
        network::make("a UDP-Lite socket", libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE)
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
