//! Sockets to the hypervisor; only made and closed, never connected.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "vsock-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a socket to the hypervisor",
    act: Act::Native(|_| network::make("a vsock socket", libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
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
