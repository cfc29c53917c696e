//! What needs no grant: the service has it of its own, or its runtime gets it.

use super::Facts;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Something that programs of the record get without a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpliedPath {
    /// Real path.
    pub path: PathBuf,
    /// Whether everything below it is meant too.
    pub directory: bool,
    /// What it is for, in words.
    pub why: String,
}

/// A read of the runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeRead {
    /// What was read.
    pub path: PathBuf,
    /// What it is for, in words.
    pub why: String,
}

/// What C libraries and loaders look into and do without.
const DISPENSABLE: [(&str, &str); 9] = [
    ("/etc/alpine-release", "which C library an addon must be for"),
    ("/etc/gai.conf", "the C library, order of addresses"),
    ("/etc/host.conf", "the C library, names"),
    ("/etc/ld.so.preload", "the dynamic loader"),
    ("/etc/locale.alias", "locale"),
    ("/etc/netsvc.conf", "the C library, names"),
    ("/etc/svc.conf", "the C library, names"),
    ("/usr/share/locale/locale.alias", "locale"),
    ("/var/lib/ca-certificates", "certificates of authorities"),
];

/// Sockets that the C library tries by itself.
const SOCKETS: [&str; 5] = [
    "/run/nscd/socket",
    "/var/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/userdb/io.systemd.DynamicUser",
    "/var/lib/sss/pipes/nss",
];

impl Facts<'_> {
    /// What of the runtime a path is, in words.
    pub(super) fn runtime(&self, path: &Path) -> Option<&str> {
        let implied = self.implied.iter().find(|implied| {
            implied.path == path || (implied.directory && path.starts_with(&implied.path))
        });
        // Other ways to names than `files dns`, which is what a service has.
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let names = name.is_some_and(|name| name.starts_with("libnss_") && name.contains(".so"));
        let dispensable = || DISPENSABLE.iter().find(|(known, _)| path == Path::new(known));
        implied
            .map(|implied| implied.why.as_str())
            .or_else(|| names.then_some("the C library, names"))
            .or_else(|| dispensable().map(|(_, why)| *why))
    }

    /// Whether the C library tries this socket by itself.
    pub(super) fn is_runtime_socket(path: &str) -> bool {
        SOCKETS.contains(&path)
    }

    /// Whether nothing is to be granted at a path because the service has its own object there. A
    /// project that lies in such a place is still the host's.
    pub(super) fn private(&self, path: &Path) -> bool {
        (self.is_private)(path) && !path.starts_with(self.folder)
    }

    /// A path as the boundary file writes it: `./` and what is below its folder, `../` for what is
    /// near, else absolute.
    pub(super) fn written(&self, path: &Path, directory: bool) -> String {
        let mut text = match path.strip_prefix(self.folder) {
            Ok(inside) => format!("./{}", inside.display()),
            Err(_) => self.near(path).unwrap_or_else(|| path.display().to_string()),
        };
        if directory && !text.ends_with('/') {
            text.push('/');
        }
        text
    }

    /// At most three folders up, and never as far as a folder of the system.
    fn near(&self, path: &Path) -> Option<String> {
        for (up, above) in self.folder.ancestors().enumerate().skip(1).take(3) {
            if above.components().count() < 3 || self.homes.iter().any(|home| home == above) {
                return None;
            }
            if let Ok(inside) = path.strip_prefix(above) {
                return Some(format!("{}{}", "../".repeat(up), inside.display()));
            }
        }
        None
    }
}
