//! What the permission flags of a command really granted, on each version of Node.
//!
//! The flags read as if they took lists, hosts and ports; measured on real binaries from 20 to 26
//! they do not. Only where a flag does something else than it seems to say is anything told: a
//! boundary made of such a command is narrower than the command ever was, or wider, and its author
//! must know which. Patch releases differ in details that are not told apart here.

use super::{NodeCommand, PermissionFlag};
use std::fmt::Write as _;

/// Major versions that are told about, each as its latest release was measured.
pub const VERSIONS: [u64; 5] = [20, 22, 24, 25, 26];

/// What a flag does on one version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Effect {
    /// What it says.
    AsSaid,
    /// Node exits before the program.
    NoStart,
    /// Something else, and why.
    Otherwise(String, &'static str),
}

impl NodeCommand {
    /// Where the permission flags of this command did something else than they say, in their order:
    /// a sentence without its period for each, such as `--allow-worker let a worker shed all limits
    /// on Node 20 to 26` or `Node 20 does not start with --permission`.
    #[must_use]
    pub fn reality(&self) -> Vec<String> {
        let enabled = self.permission.enabled();
        let mut told: Vec<String> = Vec::new();
        for flag in &self.permission.flags {
            let effects = VERSIONS.map(|major| (major, effect(flag, major, enabled)));
            if let Some(sentence) = sentence(&flag.to_string(), &effects)
                && !told.contains(&sentence)
            {
                told.push(sentence);
            }
        }
        if enabled && !self.permission.has("--allow-net") {
            let open = "without --allow-net every socket was still open on Node 20, 22 and 24";
            told.push(open.to_owned());
        }
        told
    }
}

fn effect(flag: &PermissionFlag, major: u64, enabled: bool) -> Effect {
    let otherwise = |text: &str| Effect::Otherwise(text.to_owned(), "");
    let since = |first: u64| if major < first { Some(Effect::NoStart) } else { None };
    match flag.name.as_str() {
        "--permission" => since(22).unwrap_or(Effect::AsSaid),
        "--experimental-permission" if major >= 24 => Effect::NoStart,
        "--experimental-permission" => Effect::AsSaid,
        "--permission-audit" => since(24).unwrap_or_else(|| match major {
            25 => otherwise("broke calls instead of reporting them"),
            _ => otherwise("switched the whole model off"),
        }),
        "--no-permission" => since(22).unwrap_or_else(|| otherwise("switched the model off")),
        "--allow-net" if major == 25 && !enabled => otherwise("restricted nothing"),
        name if name.starts_with("--allow-") && !enabled => {
            since(first_of(name)).unwrap_or(Effect::NoStart)
        }
        "--allow-fs-read" | "--allow-fs-write" => {
            flag.value.as_deref().map_or(Effect::NoStart, path)
        }
        "--allow-net" => since(25).unwrap_or_else(|| match flag.value {
            Some(_) => otherwise("granted ALL network, in and out"),
            None => otherwise("granted every host and port, in and out"),
        }),
        "--allow-child-process" => otherwise("granted every program, which has no limits"),
        "--allow-worker" => otherwise("let a worker shed all limits"),
        "--allow-addons" => otherwise("granted all native code, which is not checked"),
        "--allow-wasi" => otherwise("granted WASI every file, whatever the file grants"),
        "--allow-ffi" => {
            since(26).unwrap_or_else(|| otherwise("granted foreign code, which is not checked"))
        }
        "--allow-openssl-store" if major == 25 => Effect::NoStart,
        "--allow-inspector" | "--allow-openssl-store" => since(24).unwrap_or(Effect::AsSaid),
        "--allow-fs-vfs" => since(26).unwrap_or(Effect::AsSaid),
        // `--allow-env`, `--allow-run`, `--deny-*`: Node knows none of them.
        _ if flag.name.starts_with("--no-") => Effect::AsSaid,
        _ => Effect::NoStart,
    }
}

/// The first major version that knows a flag; without `--permission` it starts on none.
fn first_of(name: &str) -> u64 {
    match name {
        "--allow-net" => 25,
        _ => 20,
    }
}

/// What the value of a file grant does, on every version alike.
fn path(value: &str) -> Effect {
    let otherwise = |text: String, why| Effect::Otherwise(text, why);
    if value.is_empty() {
        return Effect::NoStart;
    }
    if value == "*" || value == "/" {
        return otherwise("granted every file".to_owned(), "");
    }
    if value.contains(',') {
        return otherwise("granted nothing".to_owned(), "it is one path with a comma in it");
    }
    if let Some((before, after)) = value.split_once('*') {
        let shown = ringfence_policy::display::quoted(before);
        return match (before.ends_with('/'), after.is_empty()) {
            (true, true) => Effect::AsSaid,
            (true, false) => {
                otherwise(format!("granted all of {shown}"), "what follows the star is dropped")
            }
            (false, _) => {
                let text = format!("granted every path that begins with {shown}");
                otherwise(text, "the star stands for any rest")
            }
        };
    }
    if value.starts_with('~') || value.starts_with('$') {
        return otherwise("granted nothing".to_owned(), "Node expands neither ~ nor $");
    }
    Effect::AsSaid
}

/// The versions with the same effect together; `None` when all do what is said.
fn sentence(flag: &str, effects: &[(u64, Effect)]) -> Option<String> {
    let versions = |wanted: &Effect| -> Vec<u64> {
        effects.iter().filter(|(_, effect)| effect == wanted).map(|(major, _)| *major).collect()
    };
    let mut parts: Vec<String> = Vec::new();
    for (_, effect) in effects {
        let Effect::Otherwise(text, why) = effect else { continue };
        let mut part = format!("{text} on {}", nodes(&versions(effect)));
        if !why.is_empty() {
            let _ = write!(part, " ({why})");
        }
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let refusing = versions(&Effect::NoStart);
    let verb = if refusing.len() == 1 { "does" } else { "do" };
    let refused = format!("{} {verb} not start with", nodes(&refusing));
    match (parts.is_empty(), refusing.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("{refused} {flag}")),
        (false, true) => Some(format!("{flag} {}", parts.join("; "))),
        (false, false) => Some(format!("{flag} {}; {refused} it", parts.join("; "))),
    }
}

/// `Node 20, 22 and 24`, or `every Node`.
fn nodes(versions: &[u64]) -> String {
    if versions.len() == VERSIONS.len() {
        return format!("Node {} to {}", VERSIONS[0], VERSIONS[VERSIONS.len() - 1]);
    }
    let texts: Vec<String> = versions.iter().map(u64::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => format!("Node {last}"),
        Some((last, rest)) => format!("Node {} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> String {
        let words = super::super::split(text).unwrap().words;
        let command = super::NodeCommand::read(&words).unwrap();
        command.reality().into_iter().map(|one| one + "\n").collect()
    }

    #[test]
    fn what_the_manual_s_own_command_really_granted_is_said() {
        insta::assert_snapshot!(told(
            "node --permission --allow-fs-read=/app,/etc/ssl/certs --allow-fs-write=/tmp,/var/run/app \
             --allow-net=api.internal:443 --allow-net=redis.internal:6379 ./dist/server.mjs"
        ), @r"
        Node 20 does not start with --permission
        --allow-fs-read=/app,/etc/ssl/certs granted nothing on Node 20 to 26 (it is one path with a comma in it)
        --allow-fs-write=/tmp,/var/run/app granted nothing on Node 20 to 26 (it is one path with a comma in it)
        --allow-net=api.internal:443 granted ALL network, in and out on Node 25 and 26; Node 20, 22 and 24 do not start with it
        --allow-net=redis.internal:6379 granted ALL network, in and out on Node 25 and 26; Node 20, 22 and 24 do not start with it
        ");
    }

    #[test]
    fn each_flag_is_told_by_version() {
        insta::assert_snapshot!(told(
            "node --experimental-permission --allow-fs-read=/a --allow-fs-read=/b/*.txt --allow-fs-read=/c* \
             --allow-fs-write=* --allow-worker=false --allow-child-process --allow-addons --allow-wasi \
             --allow-ffi --allow-inspector --allow-env=X --permission-audit a.js"
        ), @r"
        Node 24, 25 and 26 do not start with --experimental-permission
        --allow-fs-read=/b/*.txt granted all of /b/ on Node 20 to 26 (what follows the star is dropped)
        --allow-fs-read=/c* granted every path that begins with /c on Node 20 to 26 (the star stands for any rest)
        --allow-fs-write=* granted every file on Node 20 to 26
        --allow-worker=false let a worker shed all limits on Node 20 to 26
        --allow-child-process granted every program, which has no limits on Node 20 to 26
        --allow-addons granted all native code, which is not checked on Node 20 to 26
        --allow-wasi granted WASI every file, whatever the file grants on Node 20 to 26
        --allow-ffi granted foreign code, which is not checked on Node 26; Node 20, 22, 24 and 25 do not start with it
        Node 20 and 22 do not start with --allow-inspector
        Node 20 to 26 do not start with --allow-env=X
        --permission-audit switched the whole model off on Node 24 and 26; broke calls instead of reporting them on Node 25; Node 20 and 22 do not start with it
        without --allow-net every socket was still open on Node 20, 22 and 24
        ");
        insta::assert_snapshot!(told("node --allow-net --allow-fs-read=/a a.js"), @r"
        --allow-net restricted nothing on Node 25; Node 20, 22, 24 and 26 do not start with it
        Node 20 to 26 do not start with --allow-fs-read=/a
        ");
        assert_eq!(told("node --enable-source-maps a.js"), "");
    }
}
