//! Sentences about programs and about powers inside Node.

use super::{Claim, Page, words};
use crate::model::{Process, Service};

const PACKAGE_MANAGERS: [&str; 24] = [
    "apk", "apt", "apt-get", "brew", "bun", "cargo", "conda", "corepack", "dnf", "dpkg", "gem",
    "go", "microdnf", "npm", "npx", "pip", "pip3", "pnpm", "pnpx", "rpm", "uv", "yarn", "yarnpkg",
    "yum",
];

pub(super) fn write(page: &mut Page, process: &Process, service: &Service) {
    children(page, process, service);
    page.claim(Claim::ProcessIsolation, "cannot see, signal or trace processes other than its own");
    page.claim(
        Claim::ProcessKernel,
        "cannot mount, load kernel code, create namespaces, open raw sockets or use io_uring",
    );
    addons(page, process);
    inside_node(page, process);
}

fn children(page: &mut Page, process: &Process, service: &Service) {
    page.claim(
        Claim::ProcessChildren,
        if process.children.is_empty() {
            "cannot start any program".to_owned()
        } else {
            let programs = words::grants(&process.children);
            format!("cannot start any program except {programs}, inside the same boundary")
        },
    );
    let program = service.start.first().map(|program| &program.value);
    let started = program.filter(|program| is_package_manager(program));
    let managers: Vec<&String> = started
        .into_iter()
        .chain(process.children.iter().map(|child| &child.value))
        .filter(|path| is_package_manager(path))
        .collect();
    if managers.is_empty() {
        page.claim(Claim::ProcessPackageManager, "has no package manager it can execute");
    } else {
        let text = format!("can execute the package manager {}", words::list(managers));
        page.note(Claim::ProcessPackageManager, text);
    }
}

/// Whether the last component of a path is the name of a package manager.
pub(crate) fn is_package_manager(path: &str) -> bool {
    PACKAGE_MANAGERS.contains(&words::base_name(path))
}

fn addons(page: &mut Page, process: &Process) {
    if process.addons.is_empty() {
        page.claim(Claim::ProcessAddons, "cannot load native addons");
        return;
    }
    let mut packages: Vec<&String> =
        process.addons.iter().map(|addon| &addon.package.value).collect();
    packages.dedup();
    let packages = words::list(packages);
    let text =
        format!("cannot load native addons except of {packages}, held to their listed hashes");
    page.claim(Claim::ProcessAddons, text);
}

/// The kernel does not see these; what they could reach it does.
fn inside_node(page: &mut Page, process: &Process) {
    for (claim, granted, without, with) in [
        (
            Claim::ProcessWorkers,
            process.workers,
            "starts no worker threads",
            "start worker threads",
        ),
        (Claim::ProcessWasi, process.wasi, "runs no WASI programs", "run WASI programs"),
        (Claim::ProcessFfi, process.ffi, "calls no foreign functions", "call foreign functions"),
        (Claim::ProcessInspector, process.inspector, "opens no inspector", "open the inspector"),
    ] {
        if !process.node_flags {
            page.note(claim, format!(
                "may {with}: runs without Node's own permission flags, the layers of the kernel hold everything"
            ));
        } else if granted {
            page.note(
                claim,
                format!(
                    "may {with}: Node's own flags do not hold there, the layers of the kernel do"
                ),
            );
        } else {
            page.claim(claim, format!(
                "{without}: held by Node's own flag; without it the layers of the kernel still hold"
            ));
        }
    }
}
