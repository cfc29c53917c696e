//! Every section and key of the file, in one table.
//!
//! The decoder reads keys by name, unknown keys are found against this table, and the JSON Schema is
//! held to it by a test: a key that exists in one of them only cannot pass.

/// A section and its keys.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Name, as in `[net]`; `*` stands for a name that the file chooses.
    pub(crate) section: &'static str,
    /// Keys in the order of the documentation.
    pub(crate) keys: &'static [&'static str],
}

/// Keys outside every section.
pub(crate) const ROOT: Keys = Keys { section: "", keys: &["schema"] };

/// Sections that stand at the top of the file.
pub(crate) const SECTIONS: [Keys; 10] =
    [SERVICE, FS, NET, PROCESS, ENV, SECRETS, LIMITS, IDENTITY, REQUIRE, DEPENDENCIES];

pub(crate) const SERVICE: Keys = Keys {
    section: "service",
    keys: &["name", "start", "cwd", "node", "stop-signal", "stop-timeout"],
};
pub(crate) const FS: Keys =
    Keys { section: "fs", keys: &["read", "write", "optional", "droppable"] };
pub(crate) const NET: Keys = Keys {
    section: "net",
    keys: &["connect", "listen", "udp", "udp-listen", "unix", "private", "hosts", "dns"],
};
pub(crate) const PROCESS: Keys = Keys {
    section: "process",
    keys: &["children", "workers", "addons", "wasi", "ffi", "inspector", "node-flags"],
};
pub(crate) const ENV: Keys = Keys { section: "env", keys: &["pass", "set"] };
/// Its keys are names of secrets; each is a table with the keys of [`SECRET`].
pub(crate) const SECRETS: Keys = Keys { section: "secrets", keys: &["*"] };
pub(crate) const LIMITS: Keys =
    Keys { section: "limits", keys: &["memory", "pids", "cpu", "open-files", "file-size", "tmp"] };
pub(crate) const IDENTITY: Keys = Keys { section: "identity", keys: &["user", "group", "groups"] };
pub(crate) const REQUIRE: Keys = Keys { section: "require", keys: &["layers"] };
pub(crate) const DEPENDENCIES: Keys = Keys {
    section: "dependencies",
    keys: &[
        "fail-on",
        "severity",
        "minimum-age",
        "internal",
        "known-bad",
        "accept",
        "scripts",
        "denied-scripts",
    ],
};

/// Tables inside sections.
pub(crate) const SECRET: Keys = Keys {
    section: "secrets.*",
    keys: &["from", "as", "to", "variable", "mode", "refresh", "overlap"],
};
pub(crate) const ADDON: Keys = Keys { section: "process.addons", keys: &["package", "sha256"] };
pub(crate) const INTERNAL: Keys =
    Keys { section: "dependencies.internal", keys: &["name", "registry"] };
pub(crate) const ACCEPT: Keys =
    Keys { section: "dependencies.accept", keys: &["code", "package", "reason", "until"] };
pub(crate) const SCRIPT: Keys =
    Keys { section: "dependencies.scripts", keys: &["package", "version", "sha512"] };
pub(crate) const DENIED_SCRIPT: Keys = Keys {
    section: "dependencies.denied-scripts",
    keys: &["package", "version", "sha512", "reason"],
};

/// Sections that later versions fill.
pub(crate) const RESERVED: [&str; 4] = ["check", "ingress", "sandbox", "sources"];

/// Names that people try, and the section or key that is meant.
const ALIASES: [(&str, &str); 26] = [
    ("addon", "addons"),
    ("allow-net", "connect"),
    ("args", "start"),
    ("child-process", "children"),
    ("cmd", "start"),
    ("command", "start"),
    ("cpus", "cpu"),
    ("egress", "connect"),
    ("entrypoint", "start"),
    ("environment", "env"),
    ("exec", "children"),
    ("file", "fs"),
    ("files", "fs"),
    ("filesystem", "fs"),
    ("limit", "limits"),
    ("mem", "memory"),
    ("network", "net"),
    ("nofile", "open-files"),
    ("outbound", "connect"),
    ("path", "to"),
    ("resources", "limits"),
    ("secret", "secrets"),
    ("source", "from"),
    ("timeout", "stop-timeout"),
    ("working-directory", "cwd"),
    ("worker", "workers"),
];

/// The name of `candidates` that `name` was probably meant to be.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, meant)| *meant);
    let meant = alias.and_then(|meant| candidates.clone().find(|candidate| *candidate == meant));
    if meant.is_some() || name.len() > 64 {
        return meant;
    }
    let allowed = ((name.len() + 1) / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(&name, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two short texts (Levenshtein), in bytes.
fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte) in a.bytes().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for j in 0..b.len() {
            let replaced = diagonal + usize::from(byte != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_traced_to_the_key_that_was_meant() {
        let keys = || SERVICE.keys.iter().copied();
        assert_eq!(closest("strat", keys()), Some("start"));
        assert_eq!(closest("stop_signal", keys()), Some("stop-signal"));
        assert_eq!(closest("Name", keys()), Some("name"));
        assert_eq!(closest("command", keys()), Some("start"));
        assert_eq!(closest("colour", keys()), None);
        let sections = || SECTIONS.iter().map(|keys| keys.section);
        assert_eq!(closest("network", sections()), Some("net"));
        assert_eq!(closest("limit", sections()), Some("limits"));
    }
}
