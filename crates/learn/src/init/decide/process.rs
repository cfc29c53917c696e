//! `[process]`: threads, native code, programs.

use super::super::page::{Ground, Item, Page, quote};
use super::Ground as Given;
use ringfence_policy::display::{hex, quoted};
use ringfence_project::walk::{self, EntryKind, Limits};
use sha2::{Digest as _, Sha256};

/// Packages whose purpose is threads.
const POOLS: [&str; 7] =
    ["bree", "jest-worker", "piscina", "poolifier", "threads", "tinypool", "workerpool"];
/// How much of `node_modules` is looked through.
const REACH: Limits = Limits { entries: 400_000, depth: 24 };
/// Largest file of native code that is hashed, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Most entries for native code.
const MOST: usize = 64;
/// Switches inside Node, and the flags that asked for them.
const SWITCHES: [(&str, &str); 3] =
    [("wasi", "--allow-wasi"), ("ffi", "--allow-ffi"), ("inspector", "--allow-inspector")];

pub(super) fn write(page: &mut Page, given: &mut Given<'_>) {
    page.section("process");
    page.list("children", &[], &children(given));
    if let Some(ground) = workers(given) {
        page.key("workers", &Item { toml: "true".to_owned(), ground });
    }
    let addons = addons(given);
    page.list("addons", &addons, "");
    for (key, flag) in SWITCHES {
        if let Some(ground) = asked(given, flag) {
            page.key(key, &Item { toml: "true".to_owned(), ground });
        }
    }
}

/// A flag of a command that was given.
fn asked(given: &Given<'_>, flag: &str) -> Option<Ground> {
    let command = given.facts.permissions.iter().find(|one| one.value.permission.has(flag))?;
    Some(Ground::From(command.origin.clone(), flag.to_owned()))
}

fn children(given: &mut Given<'_>) -> String {
    if asked(given, "--allow-child-process").is_some() {
        given.facts.note(
            "--allow-child-process names no programs: list them in process.children, which `ringfence learn` finds",
        );
    }
    let modules = ["child_process", "cluster"].map(|name| given.seen.modules.get(name));
    match modules.into_iter().flatten().next() {
        Some(origin) => format!(
            "no program is named, although {origin} can start some: `ringfence learn` names them"
        ),
        None => "nothing names a program that it starts".to_owned(),
    }
}

fn workers(given: &Given<'_>) -> Option<Ground> {
    let named = given.facts.package.as_ref().and_then(|(file, package)| {
        let pool = POOLS.iter().find_map(|name| package.dependency(name))?;
        Some(Ground::guess(format!("{} at {file}:{} starts threads", pool.name, pool.line)))
    });
    let seen = given.seen.modules.get("worker_threads");
    let seen = seen.map(|origin| Ground::guess(format!("{origin} imports worker_threads")));
    asked(given, "--allow-worker").or(named).or(seen)
}

/// Native code that is installed for this machine, one entry for each file.
fn addons(given: &mut Given<'_>) -> Vec<Item> {
    let folder = given.folder.join("node_modules");
    let walked = walk::walk(&folder, REACH, |_, name| name == ".cache");
    if walked.cut {
        given.facts.note("node_modules holds more than is looked through: addons may be missing");
    }
    let mut items: Vec<Item> = Vec::new();
    for entry in walked.entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        let name = entry.name();
        let native =
            [".node", ".so"].iter().any(|end| name.ends_with(end)) || name.contains(".so.");
        let Some((package, inside)) = package_of(&entry.path).filter(|_| native) else { continue };
        let below = entry.path.strip_suffix(inside).unwrap_or_default();
        let below = format!("node_modules/{}", below.trim_end_matches('/'));
        let foreign = ["musl", "android", "obj.target", "build/Debug"];
        if given.facts.development.contains(&below)
            || foreign.iter().any(|part| entry.path.contains(part))
        {
            continue;
        }
        let Ok(bytes) = walk::bytes(&folder.join(&entry.path), MAX_BYTES) else { continue };
        if !is_of_this_machine(&bytes) {
            continue;
        }
        if items.len() == MOST {
            given.facts.note(format!("more than {MOST} files of native code are installed"));
            break;
        }
        let hash = hex(&Sha256::digest(&bytes));
        let toml = format!("{{ package = {}, sha256 = \"{hash}\" }}", quote(package));
        let because = format!("node_modules/{} is installed for this machine", entry.path);
        if !items.iter().any(|item| item.toml == toml) {
            items.push(Item { toml, ground: Ground::guess(because) });
        }
    }
    let own = given.facts.package.as_ref().is_some_and(|(_, package)| package.gypfile);
    if own {
        given.facts.note(
            "package.json says that the project builds native code of its own: grant its addon",
        );
    }
    super::accepted("process", "addons", items, given.facts)
        .into_iter()
        .inspect(|item| debug_assert!(!item.toml.is_empty(), "{}", quoted(&item.toml)))
        .collect()
}

/// The innermost package a file belongs to, and the rest of its path.
fn package_of(path: &str) -> Option<(&str, &str)> {
    let inner = path.rfind("node_modules/").map_or(0, |at| at + "node_modules/".len());
    let rest = path.get(inner..)?;
    let slashes = if rest.starts_with('@') { 2 } else { 1 };
    let (end, _) = rest.match_indices('/').nth(slashes - 1)?;
    let package = rest.get(..end)?;
    (!package.starts_with('.')).then_some((package, rest.get(end..)?))
}

/// An ELF file for this processor.
fn is_of_this_machine(bytes: &[u8]) -> bool {
    let machine = match std::env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        "riscv64" => 243,
        "powerpc64" => 21,
        "s390x" => 22,
        _ => 0,
    };
    bytes.starts_with(b"\x7fELF") && bytes.get(18..20) == Some(&[machine, 0][..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_innermost_package() {
        for (path, package) in [
            ("sharp/build/x.node", Some("sharp")),
            ("@img/sharp-linux-x64/lib/x.node", Some("@img/sharp-linux-x64")),
            ("a/node_modules/@s/b/x.node", Some("@s/b")),
            (".pnpm/p@1/node_modules/p/x.node", Some("p")),
            ("x.node", None),
        ] {
            assert_eq!(package_of(path).map(|(package, _)| package), package, "{path}");
        }
    }

    #[test]
    fn only_programs_of_this_machine_count() {
        assert!(!is_of_this_machine(b"MZ") && !is_of_this_machine(b"\x7fELF"));
        let own = walk::bytes(&std::env::current_exe().unwrap(), u64::MAX - 1).unwrap();
        assert!(is_of_this_machine(&own));
    }
}
