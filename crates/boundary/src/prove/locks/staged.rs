//! Probes of the self-test alone: each reaches for something that one lock protects.
//!
//! They are no part of a proof, because what they attack is staged and no claim of a boundary.

use crate::prove::probe::{Act, Class, NO_EFFECT, NOT_ALLOWED, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::{self, identity, locks, processes};

/// What Landlock, a mount or permission bits answer.
const NOT_TOUCHED: &[&str] = &["EACCES", "EPERM", "EROFS", "EXDEV"];

/// Every one of them.
pub(in crate::prove) const STAGED: &[Probe] = &[
    file("landlock-execute", "executes a program that no rule names", locks::execute),
    file("landlock-write-file", "opens a file that no rule names for writing", locks::write_file),
    file("landlock-read-file", "reads a file that no rule names", locks::read_file),
    file("landlock-read-dir", "lists a folder that no rule names", locks::read_dir),
    file("landlock-remove-dir", "removes a folder that no rule names", locks::remove_dir),
    file("landlock-remove-file", "removes a file that no rule names", locks::remove_file),
    file("landlock-make-char", "makes a character device where no rule is", |params| {
        locks::make_node(params, libc::S_IFCHR, "new-char")
    }),
    file("landlock-make-dir", "makes a folder where no rule is", locks::make_dir),
    file("landlock-make-reg", "makes a file where no rule is", |params| {
        locks::make_node(params, libc::S_IFREG, "new-file")
    }),
    file("landlock-make-sock", "makes a socket where no rule is", |params| {
        locks::make_node(params, libc::S_IFSOCK, "new-socket")
    }),
    file("landlock-make-fifo", "makes a pipe where no rule is", |params| {
        locks::make_node(params, libc::S_IFIFO, "new-pipe")
    }),
    file("landlock-make-block", "makes a block device where no rule is", |params| {
        locks::make_node(params, libc::S_IFBLK, "new-block")
    }),
    file("landlock-make-sym", "makes a symlink where no rule is", locks::make_sym),
    file("landlock-refer", "moves a file where all but that is allowed", locks::refer),
    file("landlock-truncate", "truncates a file that no rule names", locks::truncate),
    file("landlock-ioctl-dev", "sends a request to a device it may only read", locks::ioctl_dev),
    staged(
        "device-in-grant",
        "reads from a device in a read grant",
        locks::open_device,
        &["EACCES"],
    ),
    staged(
        "set-id-mount",
        "looks for a mount where set-id bits count",
        locks::set_id_mount,
        NO_EFFECT,
    ),
    file("change-root", "changes the mode of its root folder", |params| {
        locks::change_mode(params, "root_dir")
    }),
    file("change-secret", "changes the mode of a secret", |params| {
        locks::change_mode(params, "secret_file")
    }),
    staged(
        "masked-file",
        "reads what a mask hides in a read grant",
        |params| locks::read_parameter(params, "masked_file"),
        NOT_REACHABLE,
    ),
    staged(
        "host-tmp",
        "reads a file in the host's /tmp",
        |params| locks::read_parameter(params, "host_tmp_file"),
        NOT_REACHABLE,
    ),
    staged(
        "group-file",
        "reads a file of a group that it does not belong to",
        |params| locks::read_parameter(params, "group_file"),
        NOT_REACHABLE,
    ),
    file("change-submount", "changes a file in a mount below a read grant", |params| {
        locks::change_mode(params, "submount_file")
    }),
    staged(
        "bounding-set",
        "looks for a capability a file could give",
        locks::bounding_set,
        NO_EFFECT,
    ),
    staged("root-user", "looks who it is", is_root, NO_EFFECT),
    staged(
        "core-contents-kept",
        "looks what a core file holds",
        processes::core_contents,
        NOT_TOUCHED,
    ),
    staged("host-name-known", "asks for the host's name", processes::host_name, NO_EFFECT),
    staged(
        "control-group-known",
        "asks for its control group",
        processes::control_group,
        NO_EFFECT,
    ),
    staged("trace-child", "attaches to a process of its own", locks::trace_child, NOT_ALLOWED),
    entry("enter-aio", |_| locks::enter("aio")),
    entry("enter-handles", |_| locks::enter("handles")),
    entry("enter-hardware", |_| locks::enter("hardware")),
    entry("enter-memory-policy", |_| locks::enter("memory-policy")),
    entry("enter-mount", |_| locks::enter("mount")),
    entry("enter-namespaces", |_| locks::enter("namespaces")),
    entry("enter-obsolete", |_| locks::enter("obsolete")),
    entry("enter-quota", |_| locks::enter("quota")),
    entry("enter-seccomp", |_| locks::enter("seccomp")),
    entry("enter-swap", |_| locks::enter("swap")),
    entry("enter-time", |_| locks::enter("time")),
];

fn is_root(_params: &attack::Params) -> attack::Attempt {
    match identity::user() {
        0 => Ok("runs as root".to_owned()),
        _ => Err(attack::Failure::effect("no-effect", "runs as somebody else")),
    }
}

const fn file(id: &'static str, what: &'static str, act: attack::Act) -> Probe {
    staged(id, what, act, NOT_TOUCHED)
}

const fn entry(id: &'static str, act: attack::Act) -> Probe {
    let refusals = &["EPERM", "ENOSYS", "EOPNOTSUPP"];
    staged(id, "calls into a group of the filter", act, refusals)
}

const fn staged(
    id: &'static str,
    attack: &'static str,
    act: attack::Act,
    refusals: &'static [&'static str],
) -> Probe {
    Probe {
        id,
        class: Class::Kernel,
        claim: Claim::RequireLayers,
        attack,
        act: Act::Native(act),
        refusals,
        setting: Setting::Granted,
        layers: &[Layer::Namespaces, Layer::Landlock, Layer::Seccomp],
    }
}
