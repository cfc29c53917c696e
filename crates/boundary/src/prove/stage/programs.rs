//! Programs and libraries of the host that the boundary does not let the service start or load.

use super::folder::Folder;
use crate::prove::facts::Facts;
use ringfence_sys::attack::Params;
use std::path::{Path, PathBuf};

/// Folders of shared libraries, in the usual places.
const LIBRARIES: [&str; 6] =
    ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib", "/lib"];

/// Says where they are.
pub(super) fn find(params: &mut Params, facts: &Facts, folder: &Folder) {
    let programs = ["/usr/bin/true", "/bin/true", "/usr/bin/env", "/bin/busybox", "/bin/sh"];
    set(params, facts, "other_program", &programs, "this host has no program to start");
    set(params, facts, "shell", &["/bin/sh"], "the shell is granted, or there is none");
    let loaders = [
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/ld-linux-aarch64.so.1",
        "/lib/ld-musl-x86_64.so.1",
        "/lib/ld-musl-aarch64.so.1",
    ];
    set(params, facts, "loader", &loaders, "this host has no dynamic loader");
    let managers = [
        "/usr/bin/npm",
        "/usr/local/bin/npm",
        "/usr/bin/yarn",
        "/usr/local/bin/yarn",
        "/usr/bin/pnpm",
        "/usr/bin/apt-get",
        "/usr/bin/dnf",
        "/sbin/apk",
    ];
    set(params, facts, "package_manager", &managers, "this host has no package manager");
    libraries(params, folder);
}

fn set(params: &mut Params, facts: &Facts, name: &str, paths: &[&str], why: &str) {
    let free = paths.iter().map(Path::new).find(|path| {
        let real = path.canonicalize().unwrap_or_default();
        path.exists() && !facts.children.contains(&real)
    });
    match free {
        Some(path) => params.set(name, path),
        None => params.lack(name, why),
    }
}

/// A copy of a library whose second copy in one process does no harm, in the readable folder.
fn libraries(params: &mut Params, folder: &Folder) {
    let place = |name: &str| -> Option<PathBuf> {
        LIBRARIES.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
    };
    match place("libc.so.6") {
        Some(path) => params.set("library", path),
        None => params.lack("library", "this host has no shared C library"),
    }
    let copy = folder.read().join("library.so");
    match place("libm.so.6").map(|path| std::fs::copy(path, &copy)) {
        Some(Ok(_)) => params.set("readable_library", copy),
        _ => params.lack("readable_library", "this host has no library to copy"),
    }
}
