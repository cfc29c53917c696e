//! Whether a user namespace carries the namespaces a boundary is made of, by making each.
//!
//! These hang on the user namespace: where it is missing they are too, and its own probe says why,
//! so nothing is repeated here. Some containers and hardened kernels permit a user namespace and
//! forbid what is done in it; Ubuntu's AppArmor restriction is the best known.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use super::{trial, user_namespace};
use ringfence_policy::layer::Layer;
use ringfence_sys::Errno;
use ringfence_sys::probe::{self, Ids};

/// Own mounts: the view of the file system.
pub(super) const MOUNT: Probe =
    Probe { id: "mount-namespace", layer: Layer::Namespaces, run: mount };
/// Own network: lock 1 of the broker.
pub(super) const NET: Probe = Probe { id: "net-namespace", layer: Layer::Namespaces, run: net };
/// Own IPC, host name and cgroup view.
pub(super) const OTHER: Probe =
    Probe { id: "other-namespaces", layer: Layer::Namespaces, run: other };
/// Own processes, killed together.
pub(super) const PID: Probe = Probe { id: "pid-namespace", layer: Layer::Namespaces, run: pid };

fn mount(facts: &Facts) -> Finding {
    let trial = probe::mount_namespace;
    judge(facts, trial, "a mount namespace", "mounts can be made and made read-only")
}

fn pid(facts: &Facts) -> Finding {
    judge(facts, probe::pid_namespace, "a pid namespace", "processes can be kept apart")
}

fn net(facts: &Facts) -> Finding {
    judge(facts, probe::net_namespace, "a network namespace", "the network can be kept apart")
}

fn other(facts: &Facts) -> Finding {
    let trial = probe::other_namespaces;
    judge(facts, trial, "ipc, uts and cgroup namespaces", "ipc, uts and cgroup can be kept apart")
}

fn judge(facts: &Facts, trial: fn(Ids) -> Result<(), Errno>, what: &str, good: &str) -> Finding {
    match trial(trial::ids(facts)) {
        Ok(()) => Finding::good(good),
        Err(_) if trial::user_namespace(facts).is_err() => {
            Finding::absent(format!("{what}: not without a user namespace"))
        }
        Err(Errno(libc::ENOSPC | libc::EUSERS)) => {
            Finding::absent(format!("the limit of {what} is used up"))
                .remedy("raise the limits below /proc/sys/user (max_mnt_namespaces and its like)")
        }
        Err(errno) => {
            let mut finding = user_namespace::explain(errno, facts);
            finding.seen = format!("{what} is refused inside a user namespace: {errno}");
            finding
        }
    }
}
