//! Folders that are never granted as a whole.

use super::super::Facts;
use std::path::Path;

/// Directly below `/`; other folders there are somebody's data.
const TOP: [&str; 20] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc",
    "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var",
];

/// Deeper.
const SYSTEM: [&str; 34] = [
    "/etc/ssl",
    "/etc/ssl/private",
    "/etc/systemd",
    "/run/secrets",
    "/run/user",
    "/usr/bin",
    "/usr/include",
    "/usr/lib",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/modules",
    "/usr/lib/node_modules",
    "/usr/lib/systemd",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/lib",
    "/usr/local/share",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var/backups",
    "/var/cache",
    "/var/db",
    "/var/lib",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
    "/var/www",
];

/// Folders of the host: nothing in them is granted for writing.
const HOST: [&str; 14] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/sbin",
    "/usr",
    "/var/backups",
    "/var/log/audit",
    "/var/log/journal",
    "/var/mail",
    "/var/spool",
];

/// The same below `/var/lib` and `/var/cache`; other names there are those of services.
const STATE: [&str; 31] = [
    "AccountsService",
    "NetworkManager",
    "PackageKit",
    "apk",
    "apt",
    "cloud",
    "cni",
    "containerd",
    "containers",
    "dbus",
    "debconf",
    "dhcp",
    "dnf",
    "docker",
    "dpkg",
    "etcd",
    "extrausers",
    "flatpak",
    "kubelet",
    "ldconfig",
    "libvirt",
    "lxc",
    "lxd",
    "machines",
    "pacman",
    "pam",
    "polkit-1",
    "private",
    "rpm",
    "snapd",
    "systemd",
];

/// The same below `/run`.
const RUNTIME: [&str; 9] =
    ["containerd", "credentials", "dbus", "docker", "lock", "sudo", "systemd", "udev", "user"];

/// Folders of which each that is not the service's belongs to somebody else.
const OF_MANY: [&str; 2] = ["/opt", "/srv"];

/// Whether a grant of this folder would open far more than one service's files.
pub(super) fn is_forbidden(folder: &Path, facts: &Facts<'_>) -> bool {
    let top = |inside: &Path| {
        inside.iter().count() == 1 && TOP.iter().any(|name| inside == Path::new(name))
    };
    folder == Path::new("/")
        || folder.strip_prefix("/").is_ok_and(top)
        || SYSTEM.iter().any(|system| folder == Path::new(system))
        || facts.homes.iter().any(|home| home == folder)
        || folder.parent() == Some(Path::new("/home"))
        || facts.folder.starts_with(folder)
}

/// Whether a path belongs to the host, so that writing it is never learnt.
pub(super) fn is_of_host(path: &Path, facts: &Facts<'_>) -> bool {
    !path.starts_with(facts.folder)
        && (HOST.iter().any(|host| path.starts_with(host)) || is_state(path))
}

/// Whether writing a folder as a whole is never learnt: it is the host's or somebody else's.
pub(super) fn is_of_others(folder: &Path, facts: &Facts<'_>) -> bool {
    let home = |home: &Path| home != Path::new("/") && folder.starts_with(home);
    let others = |many: &str| {
        let first =
            |path: &Path| path.strip_prefix(many).ok()?.iter().next().map(ToOwned::to_owned);
        first(folder).is_some_and(|name| {
            first(facts.folder).as_ref() != Some(&name)
                && !is_named_like_service(&name.to_string_lossy(), facts)
        })
    };
    !folder.starts_with(facts.folder)
        && (is_of_host(folder, facts)
            || [Path::new("/home"), Path::new("/root")].into_iter().any(home)
            || facts.homes.iter().any(|one| home(one))
            || OF_MANY.into_iter().any(others))
}

/// Whether files of a folder are granted for reading one by one, however many are read.
pub(super) fn is_read_singly(folder: &Path, facts: &Facts<'_>) -> bool {
    let singly = ["/boot", "/etc", "/root", "/var/backups", "/var/log", "/var/mail", "/var/spool"];
    !folder.starts_with(facts.folder)
        && (is_state(folder) || singly.iter().any(|host| folder.starts_with(host)))
        && !(folder.starts_with("/var/log") && is_inside_own(folder, "/var/log", facts))
}

/// Whether certificates may lie in this folder of `/etc` and be exchanged by rename.
pub(super) fn may_rotate(folder: &Path, facts: &Facts<'_>) -> bool {
    !folder.starts_with("/etc")
        || folder.starts_with("/etc/ssl")
        || is_inside_own(folder, "/etc", facts)
}

/// Whether a path is in the folder below `top` that is named like the service.
fn is_inside_own(path: &Path, top: &str, facts: &Facts<'_>) -> bool {
    let first = path.strip_prefix(top).ok().and_then(|inside| inside.iter().next());
    first.is_some_and(|name| is_named_like_service(&name.to_string_lossy(), facts))
}

fn is_named_like_service(name: &str, facts: &Facts<'_>) -> bool {
    match facts.boundary {
        Some(boundary) => boundary.service.name.value == name,
        None => facts.folder.file_name().is_some_and(|folder| folder == name),
    }
}

fn is_state(path: &Path) -> bool {
    let below = |top: &str, names: &[&str]| {
        let first = path.strip_prefix(top).ok().and_then(|inside| inside.iter().next());
        first.is_some_and(|name| names.iter().any(|known| name == *known))
    };
    below("/var/lib", &STATE)
        || below("/var/cache", &STATE)
        || below("/run", &RUNTIME)
        || below("/var/run", &RUNTIME)
}
