//! Scopes: what a permission is about, by the name a program asks for it.
//!
//! The names are those of Node's `process.permission`, with the parts of `net` that Node does not
//! tell apart, environment variables and secrets besides. A name that is none of these is an error
//! and never simply false: a misspelt question must not pass for a refusal, nor a misspelt drop for
//! one that was done.

use std::fmt;

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Native addons.
    Addon,
    /// Child processes.
    Child,
    /// Environment variables.
    Env,
    /// Foreign functions.
    Ffi,
    /// Files, both ways.
    Fs,
    /// Reading files.
    FsRead,
    /// Writing files.
    FsWrite,
    /// The inspector.
    Inspector,
    /// The network.
    Net,
    /// Outbound TCP.
    NetConnect,
    /// Listeners.
    NetListen,
    /// Outbound UDP.
    NetUdp,
    /// Unix sockets.
    NetUnix,
    /// OpenSSL's own stores.
    OpensslStore,
    /// Secrets.
    Secret,
    /// WASI.
    Wasi,
    /// Worker threads.
    Worker,
}

impl Scope {
    /// Every scope, by name.
    pub const ALL: [Self; 17] = [
        Self::Addon,
        Self::Child,
        Self::Env,
        Self::Ffi,
        Self::Fs,
        Self::FsRead,
        Self::FsWrite,
        Self::Inspector,
        Self::Net,
        Self::NetConnect,
        Self::NetListen,
        Self::NetUdp,
        Self::NetUnix,
        Self::OpensslStore,
        Self::Secret,
        Self::Wasi,
        Self::Worker,
    ];

    /// The name a program uses.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Addon => "addon",
            Self::Child => "child",
            Self::Env => "env",
            Self::Ffi => "ffi",
            Self::Fs => "fs",
            Self::FsRead => "fs.read",
            Self::FsWrite => "fs.write",
            Self::Inspector => "inspector",
            Self::Net => "net",
            Self::NetConnect => "net.connect",
            Self::NetListen => "net.listen",
            Self::NetUdp => "net.udp",
            Self::NetUnix => "net.unix",
            Self::OpensslStore => "openssl.store",
            Self::Secret => "secret",
            Self::Wasi => "wasi",
            Self::Worker => "worker",
        }
    }

    /// The scope with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.id() == id)
    }

    /// The name that `text` was probably meant to be.
    #[must_use]
    pub fn closest(text: &str) -> Option<&'static str> {
        const ALIASES: [(&str, &str); 17] = [
            ("addons", "addon"),
            ("allow-fs-read", "fs.read"),
            ("allow-fs-write", "fs.write"),
            ("child-process", "child"),
            ("children", "child"),
            ("connect", "net.connect"),
            ("environment", "env"),
            ("file", "fs"),
            ("listen", "net.listen"),
            ("network", "net"),
            ("read", "fs.read"),
            ("secrets", "secret"),
            ("udp", "net.udp"),
            ("unix", "net.unix"),
            ("workers", "worker"),
            ("worker-threads", "worker"),
            ("write", "fs.write"),
        ];
        let plain = text.to_ascii_lowercase().replace(['_', ':', '/'], "-");
        let alias = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, meant)| *meant);
        let dotted = plain.replace('-', ".");
        let exact = || Self::from_id(&dotted).map(Self::id);
        let near = || crate::parse::keys::closest(&dotted, Self::ALL.into_iter().map(Self::id));
        alias.or_else(exact).or_else(near)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_known_by_its_exact_name_only() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_id(scope.id()), Some(scope));
        }
        for text in ["", "fs.Read", "fs.reed", "network", "net.", " net"] {
            assert_eq!(Scope::from_id(text), None, "{text}");
        }
        assert!(Scope::ALL.map(Scope::id).is_sorted());
    }

    #[test]
    fn a_misspelt_scope_is_told_the_nearest_one() {
        for (text, meant) in [
            ("fs.reed", Some("fs.read")),
            ("fs-read", Some("fs.read")),
            ("FS.READ", Some("fs.read")),
            ("fs:write", Some("fs.write")),
            ("network", Some("net")),
            ("childprocess", None),
            ("child_process", Some("child")),
            ("workers", Some("worker")),
            ("net.conect", Some("net.connect")),
            ("secrets", Some("secret")),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(Scope::closest(text), meant, "{text}");
        }
    }
}
