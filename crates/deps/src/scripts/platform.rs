//! Whether a package is for a system like this one, as npm judges `os`, `cpu` and `libc`.

use ringfence_project::graph::Package;
use std::path::Path;

/// Whether an install on this system would take it.
pub(super) fn is_for_here(package: &Package) -> bool {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "x86" => "ia32",
        other => other,
    };
    let musl = ["x86_64", "aarch64"].map(|arch| format!("/lib/ld-musl-{arch}.so.1"));
    let libc = if musl.iter().any(|path| Path::new(path).exists()) { "musl" } else { "glibc" };
    fits(&package.os, os) && fits(&package.cpu, cpu) && fits(&package.libc, libc)
}

/// A list of names, or of names with `!` for what it is not for.
fn fits(list: &[String], own: &str) -> bool {
    let denied = list.iter().any(|one| one.strip_prefix('!') == Some(own));
    let mut named = list.iter().filter(|one| !one.starts_with('!')).peekable();
    !denied && (named.peek().is_none() || named.any(|one| one == own || one == "any"))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn lists_are_of_what_it_is_for_and_of_what_it_is_not_for() {
        let fits = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|one| (*one).to_owned()).collect();
            fits(&list, "linux")
        };
        assert!(fits(&[]) && fits(&["linux"]) && fits(&["darwin", "linux"]) && fits(&["!win32"]));
        assert!(!fits(&["darwin"]) && !fits(&["!linux"]) && fits(&["any"]));
    }
}
