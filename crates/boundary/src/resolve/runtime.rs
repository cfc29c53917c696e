//! What every program's runtime reads without anybody listing it.
//!
//! One ordered table: certificates, time zones, locale, character sets, the dynamic loader's
//! cache. Entries that this host does not have are left out, whole directories only where they
//! hold nothing but public data: `/etc/ssl/private` is not among them. Account files, `hosts`,
//! `resolv.conf`, `/proc`, `/dev`, `/sys` and `/tmp` are made for the service and not taken from
//! the host.

use super::view::{Purpose, Reason, View};
use super::walk::walk;
use crate::plan::Access;
use ringfence_policy::model::Process;
use std::path::Path;

/// One object of the table.
struct Data {
    path: &'static str,
    access: Access,
    purpose: Purpose,
    why: &'static str,
}

const fn data(path: &'static str, why: &'static str) -> Data {
    Data { path, access: Access::Read, purpose: Purpose::Data, why }
}

const fn loaded(path: &'static str, why: &'static str) -> Data {
    Data { path, access: Access::Execute, purpose: Purpose::Library, why }
}

const CERTIFICATES: &str = "runtime: certificates of authorities";
const LOCALE: &str = "runtime: locale";
const OPENSSL: &str = "runtime: OpenSSL settings";
const TIME_ZONES: &str = "runtime: time zones";
const CHARACTER_SETS: &str = "runtime: character sets";

/// Sorted by path.
const TABLE: [Data; 25] = [
    Data {
        path: "/etc/ld.so.cache",
        access: Access::Read,
        purpose: Purpose::Library,
        why: "runtime: shared library cache",
    },
    data("/etc/localtime", TIME_ZONES),
    data("/etc/pki/ca-trust/extracted", CERTIFICATES),
    data("/etc/pki/tls/cert.pem", CERTIFICATES),
    data("/etc/pki/tls/certs", CERTIFICATES),
    data("/etc/pki/tls/openssl.cnf", OPENSSL),
    data("/etc/ssl/ca-bundle.pem", CERTIFICATES),
    data("/etc/ssl/cert.pem", CERTIFICATES),
    data("/etc/ssl/certs", CERTIFICATES),
    data("/etc/ssl/certs/ca-bundle.crt", CERTIFICATES),
    data("/etc/ssl/certs/ca-certificates.crt", CERTIFICATES),
    data("/etc/ssl/openssl.cnf", OPENSSL),
    data("/etc/timezone", TIME_ZONES),
    loaded("/usr/lib/aarch64-linux-gnu/gconv", CHARACTER_SETS),
    loaded("/usr/lib/gconv", CHARACTER_SETS),
    data("/usr/lib/locale", LOCALE),
    data("/usr/lib/ssl", OPENSSL),
    loaded("/usr/lib/x86_64-linux-gnu/gconv", CHARACTER_SETS),
    loaded("/usr/lib64/gconv", CHARACTER_SETS),
    data("/usr/local/share/ca-certificates", CERTIFICATES),
    data("/usr/share/ca-certificates", CERTIFICATES),
    data("/usr/share/crypto-policies", OPENSSL),
    data("/usr/share/icu", LOCALE),
    data("/usr/share/pki/ca-trust-source", CERTIFICATES),
    data("/usr/share/zoneinfo", TIME_ZONES),
];

/// What a Node that is split into packages reads before its first script.
const NODE_TABLE: [Data; 1] = [data("/usr/share/nodejs", "runtime: Node's own modules")];

/// What the loaders of native addons ask for (node-gyp-build, detect-libc): whether the host's C
/// library is musl. Most hosts do not have it, and Node is to say so instead of refusing to.
const ADDON_TABLE: [Data; 1] =
    [data("/etc/alpine-release", "runtime: which C library an addon must be for")];

/// What a program is, as far as its runtime's files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// Anything but Node.
    Program,
    /// Node without native addons.
    Node,
    /// Node that may load native addons.
    NodeWithAddons,
}

impl Runtime {
    /// The runtime of a program that is Node or not.
    pub(crate) fn of(node: bool, process: &Process) -> Self {
        match (node, process.addons.is_empty()) {
            (false, _) => Self::Program,
            (true, true) => Self::Node,
            (true, false) => Self::NodeWithAddons,
        }
    }
}

/// Libraries the host's loader puts into every program (ld.so(8)); not into the service.
const PRELOAD: &str = "/etc/ld.so.preload";

/// Adds what of the table exists. An entry that another grant makes writable stays writable.
pub(crate) fn add(view: &mut View, runtime: Runtime, notes: &mut Vec<String>) {
    if Path::new(PRELOAD).exists() {
        notes.push(format!("{PRELOAD} is not visible inside: what it preloads is not loaded"));
    }
    let node = NODE_TABLE.iter().filter(|_| runtime != Runtime::Program);
    let addons = ADDON_TABLE.iter().filter(|_| runtime == Runtime::NodeWithAddons);
    for Data { path, access, purpose, why } in TABLE.iter().chain(node).chain(addons.clone()) {
        let Ok(walked) = walk(Path::new(path)) else { continue };
        if walked.metadata.is_file() || walked.metadata.is_dir() {
            // A folder that the file makes writable is not loaded from.
            let _ = view.add(&walked, Reason::new(*access, *purpose, *why));
        }
    }
    for asked in addons.filter(|asked| !Path::new(asked.path).exists()) {
        view.add_absent(asked.path.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_holds_no_private_keys() {
        assert!(TABLE.is_sorted_by(|one, other| one.path < other.path));
        let mut view = View::default();
        add(&mut view, Runtime::NodeWithAddons, &mut Vec::new());
        assert!(!view.shows(Path::new("/etc/ssl/private")));
        assert!(!view.shows(Path::new("/etc/shadow")));
    }

    #[test]
    fn a_loader_of_addons_is_told_which_c_library_there_is() {
        let asked = Path::new("/etc/alpine-release");
        for (runtime, told) in [(Runtime::NodeWithAddons, true), (Runtime::Node, false)] {
            let mut view = View::default();
            add(&mut view, runtime, &mut Vec::new());
            let known = view.shows(asked) || view.absent().any(|path| path == asked);
            assert_eq!(known, told, "{runtime:?}");
        }
    }
}
