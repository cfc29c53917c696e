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

/// Folders of programs, in which nothing is ever written.
const PROGRAMS: [&str; 8] =
    ["/bin", "/boot", "/lib", "/lib64", "/sbin", "/usr/bin", "/usr/lib", "/usr/sbin"];

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

/// Whether nothing below this folder may be writable to a service.
pub(super) fn is_program_folder(folder: &Path) -> bool {
    PROGRAMS.iter().any(|programs| folder.starts_with(programs))
}
