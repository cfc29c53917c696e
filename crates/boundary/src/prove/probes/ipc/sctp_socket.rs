//! Streams of another protocol.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "sctp-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes an SCTP socket",
    act: Act::Native(|_| {
        network::make("an SCTP socket", libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP)
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
