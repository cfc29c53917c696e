//! ICMP without a raw socket.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "ping-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a socket for echo requests",
    act: Act::Native(|_| {
        network::make("an ICMP socket", libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP)
    }),
    refusals: &["EAFNOSUPPORT", "EPERM", "EACCES", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
