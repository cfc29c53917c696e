//! The script in front of every Node program: it tells the program the truth about its boundary.
//!
//! It is part of this program and shown to the service as files of its private root. Where the
//! service has no root of its own, nothing may be left behind on the host that another service of
//! the same user could change, so the scripts stand in the command itself; programs are then loaded
//! by Node's loader of modules, which is slower and shows in `ps`. They enforce nothing.

use std::ffi::{OsStr, OsString};

/// Where the service finds it: beside everything that a boundary can grant.
pub(crate) const FOLDER: &str = "/.ringfence";
/// The scripts, by name; the first one loads the others when a program needs them.
pub(crate) const SCRIPTS: [(&str, &str); 3] = [
    ("preload.cjs", include_str!("../../../node/npm/preload.cjs")),
    ("refusals.cjs", include_str!("../../../node/npm/refusals.cjs")),
    ("truth.cjs", include_str!("../../../node/npm/truth.cjs")),
];
/// Loads them where they are no files: they stand between both halves, as functions by their name.
const LOADER: [&str; 2] = [
    "import { createRequire } from 'node:module';
const builtin = createRequire('file:///');
const loaded = {};
const require = (name) => {
  if (!(name in scripts)) return builtin(name);
  if (loaded[name] === undefined) scripts[name](require, (loaded[name] = { exports: {} }));
  return loaded[name].exports;
};
const scripts = {
",
    "};
require('./preload.cjs');
",
];
/// How Node is told to hold its permissions.
const SWITCHES: [&str; 2] = ["--permission", "--experimental-permission"];

/// Beside them: what boundary this is, for the program to read.
const IDENTITY: &str = "boundary.json";

/// Everything in the folder, by name.
pub(crate) fn files(service: &str, boundary: &str) -> Vec<(&'static str, String)> {
    let scripts = SCRIPTS.map(|(name, script)| (name, script.to_owned()));
    let version = env!("CARGO_PKG_VERSION");
    let identity =
        serde_json::json!({ "service": service, "boundary": boundary, "ringfence": version });
    scripts.into_iter().chain([(IDENTITY, identity.to_string())]).collect()
}

/// Puts the script in front of the program of a Node command. The service has a root of its own
/// with the files in it, or else these `files` go into the command.
pub(crate) fn insert(argv: &mut Vec<OsString>, files: Option<&[(&str, String)]>) {
    let held = argv.iter().any(|word| SWITCHES.iter().any(|switch| word == OsStr::new(switch)));
    let mut words = Vec::new();
    if let Some(files) = files {
        let text = base64(as_module(files).as_bytes());
        words.push(format!("--import=data:text/javascript;base64,{text}").into());
    } else {
        // Node reads it under its own permissions; without those it knows no grants.
        words.extend(held.then(|| OsString::from(format!("--allow-fs-read={FOLDER}"))));
        words.push(format!("--require={FOLDER}/{}", SCRIPTS[0].0).into());
    }
    let behind = argv.len().min(1);
    argv.splice(behind..behind, words);
}

/// All files as one module.
fn as_module(files: &[(&str, String)]) -> String {
    let [head, foot] = LOADER;
    let mut text = head.to_owned();
    for (name, contents) in files {
        let start = if *name == IDENTITY { "module.exports = " } else { "" };
        text.extend(["'./", name, "': (require, module) => {", start, contents, "},\n"]);
    }
    text + foot
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let three = [0, 1, 2].map(|at| u32::from(group.get(at).copied().unwrap_or_default()));
        let bits = three[0] << 16 | three[1] << 8 | three[2];
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at) & 63) as usize;
            text.push(if at <= group.len() { char::from(LETTERS[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(words: &[&str], shown: bool) -> Vec<String> {
        let files = files("orders", "00ff");
        let mut argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        insert(&mut argv, Some(&files[..]).filter(|_| !shown));
        argv.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn it_comes_before_the_program_and_may_be_read() {
        let found = inserted(&["node", "--permission", "a.js"], true);
        let read = "--allow-fs-read=/.ringfence";
        let require = "--require=/.ringfence/preload.cjs";
        assert_eq!(found, ["node", read, require, "--permission", "a.js"]);
        assert_eq!(inserted(&["node", "a.js"], true), ["node", require, "a.js"]);
    }

    #[test]
    fn without_a_root_of_its_own_it_stands_in_the_command() {
        let found = inserted(&["node", "a.js"], false);
        let (_, text) = found[1].split_once("base64,").unwrap();
        // The kernel takes no word of a command that is longer (`MAX_ARG_STRLEN`).
        assert!(found[1].len() < 128 << 10, "{}", found[1].len());
        assert!(text.len() > SCRIPTS.iter().map(|(_, script)| script.len()).sum());
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
