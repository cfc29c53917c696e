//! Memory, disks, virtual machines and tunnels as device nodes.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::Errno;
use ringfence_sys::attack::{Attempt, Failure, Params};
use std::fs::File;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "device-nodes",
    class: Class::Proc,
    claim: Claim::ProcessKernel,
    attack: "opens device nodes of the host",
    act: Act::Native(attack),
    refusals: &["ENOENT", "EACCES", "EPERM", "ENODEV", "ENXIO"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};

/// Opening any of them has no effect by itself.
const NODES: [&str; 8] = [
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/kmsg",
    "/dev/kvm",
    "/dev/mem",
    "/dev/loop-control",
    "/dev/vda",
    "/dev/sda",
];

fn attack(_params: &Params) -> Attempt {
    let mut last = Errno(libc::ENOENT);
    for node in NODES {
        match File::open(node) {
            Ok(_) => return Ok(format!("opened {node}")),
            Err(error) => last = error.into(),
        }
    }
    Err(Failure::at("open", last))
}
