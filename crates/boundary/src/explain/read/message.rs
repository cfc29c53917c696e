//! What the message of an error says: the call, the code, the path, the address.
//!
//! Node writes them the same way since its beginnings (`lib/internal/errors.js`): `ENOENT: no such
//! file or directory, open '/x'`, `connect ECONNREFUSED 127.0.0.1:9`, `getaddrinfo ENOTFOUND host`.

use super::super::symptom::{ERRNO, Symptom, is_error_word};
use std::net::IpAddr;

/// Sentences that are errors though no class stands before them, in lower case.
const TELLING: [&str; 42] = [
    "access to this api has been restricted",
    "bad option:",
    "bad system call",
    "cannot find module",
    "cannot find package",
    "cannot open shared object file",
    "cannot execute: required file not found",
    "certificate has expired",
    "can't reach database server",
    "code 137",
    "command failed:",
    "command not found",
    "comma-separated list",
    "exit status 137",
    "code: 137",
    "failed to map segment",
    "fetch failed",
    "file size limit exceeded",
    "heap limit",
    "heap out of memory",
    "is not allowed in node_options",
    "is not set",
    "memory cgroup out of memory",
    "missing required environment",
    "no space left on device",
    "no such file or directory",
    "not found",
    "oomkilled",
    "operation not permitted",
    "out-of-memory",
    "permission denied",
    "permission model is enabled",
    "read-only file system",
    "resource temporarily unavailable",
    "self-signed certificate",
    "sigkill",
    "sigsys",
    "sigxfsz",
    "too many open files",
    "not granted by the boundary",
    "was compiled against a different node.js version",
    "was dropped while the service ran",
];

/// Whether a line without an error class is an error all the same.
pub(super) fn is_telling(text: &str) -> bool {
    if words(text).any(is_error_word) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    lower.trim() == "killed"
        || (lower.contains(": line ") && lower.contains(" killed "))
        || TELLING.iter().any(|sentence| lower.contains(sentence))
        || lower.contains("requires an argument")
        || (lower.contains("environment variable") && lower.contains("require"))
}

/// Fills the parts of an error that only its message tells.
pub(super) fn complete(symptom: &mut Symptom) {
    let message = symptom.message.clone();
    file(symptom, &message);
    call(symptom, &message);
    lookup(symptom, &message);
    if symptom.code.is_empty()
        && let Some(word) = words(&message).find(|word| is_error_word(word))
    {
        word.clone_into(&mut symptom.code);
    }
}

/// `ENOENT: no such file or directory, open '/x' -> '/y'`
fn file(symptom: &mut Symptom, message: &str) {
    let Some((code, rest)) = message.split_once(": ") else { return };
    let code = code.rsplit(' ').next().unwrap_or_default();
    if !ERRNO.contains(&code) {
        return;
    }
    symptom.set("code", code);
    let Some((_, rest)) = rest.split_once(", ") else { return };
    let (syscall, paths) = rest.split_once(' ').unwrap_or((rest, ""));
    if syscall.bytes().all(|byte| byte.is_ascii_lowercase()) {
        symptom.set("syscall", syscall);
    }
    let (path, dest) = paths.split_once(" -> ").unwrap_or((paths, ""));
    for (field, text) in [("path", path), ("dest", dest)] {
        if let Some(text) = quoted(text) {
            symptom.set(field, text);
        }
    }
}

/// `connect ECONNREFUSED 127.0.0.1:9`, `listen EACCES: permission denied 0.0.0.0:80`, `spawn x ENOENT`
fn call(symptom: &mut Symptom, message: &str) {
    const CALLS: [&str; 12] = [
        "accept",
        "bind",
        "connect",
        "execve",
        "kill",
        "listen",
        "read",
        "send",
        "spawn",
        "spawnSync",
        "uv_thread_create",
        "write",
    ];
    let mut words = message.split(' ');
    let Some(call) = words.find(|word| CALLS.contains(word)) else { return };
    if call.starts_with("spawn") {
        // A program's path may have spaces: everything up to the code.
        let rest: Vec<&str> = words.collect();
        let Some(at) = rest.iter().position(|word| ERRNO.contains(word)) else { return };
        symptom.set("syscall", call);
        let code = rest.get(at).copied().unwrap_or_default();
        symptom.set("code", code);
        let program = rest.get(..at).unwrap_or_default().join(" ");
        if !program.is_empty() {
            symptom.set("path", &program);
        }
        return;
    }
    let Some(code) = words.next().map(|word| word.trim_end_matches(':')) else { return };
    if !ERRNO.contains(&code) && !code.starts_with("ERR_") {
        return;
    }
    symptom.set("code", code);
    symptom.set("syscall", call);
    let rest: Vec<&str> = words.take_while(|word| *word != "-").collect();
    // What the preload says goes on after the target.
    let target = if code.starts_with("ERR_") { rest.first() } else { rest.last() };
    let Some(target) = target.map(|word| word.trim_end_matches([',', ';', ')', '\'', '"'])) else {
        return;
    };
    if target.starts_with('/') || target.starts_with('@') {
        symptom.set("path", target);
    } else if let Some((address, port)) = endpoint(target) {
        symptom.set("address", address);
        symptom.set("port", &port.to_string());
    }
}

/// `getaddrinfo ENOTFOUND host`, `queryA ERR_ACCESS_DENIED host`
fn lookup(symptom: &mut Symptom, message: &str) {
    let mut words = message.split(' ');
    let asks = |word: &&str| {
        *word == "getaddrinfo"
            || *word == "getnameinfo"
            || word
                .strip_prefix("query")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let Some(call) = words.find(asks) else { return };
    let Some(code) = words.next().filter(|code| ERRNO.contains(code) || code.starts_with("ERR_"))
    else {
        return;
    };
    symptom.set("syscall", call);
    symptom.set("code", code);
    if let Some(host) = words.next().map(|word| word.trim_end_matches([',', ';', ')', '\'', '"'])) {
        symptom.set("hostname", host);
    }
}

/// `1.2.3.4:80`, `:::80` (Node's way to write `[::]:80`), `[::1]:80`, `host:80`.
pub(crate) fn endpoint(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let address = host.parse::<IpAddr>().is_ok() || host.contains('%');
    (address || (!host.is_empty() && host.bytes().all(plain))).then_some((host, port))
}

/// What stands in quotes at the beginning of a text.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let rest = text.get(1..)?;
    // A path may hold the quote itself: the last one ends it.
    rest.rfind(quote).and_then(|end| rest.get(..end))
}

/// The words of a text, without what punctuates them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// The value in the first pair of single, double or back quotes after a text.
pub(crate) fn after<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let rest = message.split_once(before)?.1;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"' | '`'))?;
    rest.get(1..)?.split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(message: &str) -> Symptom {
        let mut symptom = Symptom { message: message.to_owned(), ..Symptom::default() };
        complete(&mut symptom);
        symptom
    }

    #[test]
    fn messages_tell_call_code_and_target() {
        for (message, syscall, code, target) in [
            ("ENOENT: no such file or directory, open '/x y'", "open", "ENOENT", "/x y"),
            (
                "EXDEV: cross-device link not permitted, rename '/a' -> '/b'",
                "rename",
                "EXDEV",
                "/a",
            ),
            ("connect ECONNREFUSED 127.0.0.1:9", "connect", "ECONNREFUSED", "127.0.0.1:9"),
            (
                "connect EACCES 10.0.0.1:80 - Local (undefined:undefined)",
                "connect",
                "EACCES",
                "10.0.0.1:80",
            ),
            ("connect ENOENT /run/x.sock", "connect", "ENOENT", "/run/x.sock"),
            (
                "listen EADDRINUSE: address already in use :::8080",
                "listen",
                "EADDRINUSE",
                ":::8080",
            ),
            ("spawn git ENOENT", "spawn", "ENOENT", "git"),
            ("getaddrinfo ENOTFOUND api.internal", "getaddrinfo", "ENOTFOUND", "api.internal"),
            ("queryA ERR_ACCESS_DENIED a.b", "queryA", "ERR_ACCESS_DENIED", "a.b"),
            ("it could not connect to anything", "", "", ""),
        ] {
            let found = completed(message);
            assert_eq!((found.syscall.as_str(), found.code.as_str()), (syscall, code), "{message}");
            let shown = match found.port {
                Some(port) => format!("{}:{port}", found.address),
                None => format!("{}{}", found.path, found.hostname),
            };
            assert_eq!(shown, target, "{message}");
        }
    }

    #[test]
    fn endpoints_are_written_in_several_ways() {
        assert_eq!(endpoint(":::80"), Some(("::", 80)));
        assert_eq!(endpoint("[::1]:80"), Some(("::1", 80)));
        assert_eq!(endpoint("api.internal:443"), Some(("api.internal", 443)));
        assert_eq!(endpoint("a b:443"), None);
        assert_eq!(endpoint("x:99999"), None);
    }
}
