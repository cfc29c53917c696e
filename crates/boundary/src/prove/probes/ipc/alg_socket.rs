//! Cryptography in the kernel as attack surface.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "alg-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a socket to the kernel's cryptography",
    act: Act::Native(|_| network::make("an AF_ALG socket", libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
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
