//! Netlink beyond the routes Node asks for.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "event-socket",
    class: Class::Ipc,
    claim: Claim::ProcessKernel,
    attack: "makes a netlink socket for kernel events",
    act: Act::Native(|_| {
        network::make(
            "a netlink socket",
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_KOBJECT_UEVENT,
        )
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
