//! What managers themselves say is in a lockfile, each in a form of its own.

use crate::manager::{Kind, Manager, done};
use crate::project::Locked;
use ringfence_project::graph::{Graph, Need, Source};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `name@version` of packages; those of folders are `name@local`.
pub(crate) type Names = BTreeSet<String>;

/// By what a manager calls a package that is installed under another name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    /// By its own name.
    Itself,
    /// By the name it is installed under.
    Alias,
}

/// What the manager lists; with `prod` what the project needs to run alone, where it can tell that.
pub(crate) fn listed(locked: &Locked, manager: &Manager, prod: bool) -> Option<Names> {
    let mut command = locked.command()?;
    Some(match manager.kind {
        Kind::Npm => npm(&done(command.args(["query", "*", "--package-lock-only"])).stdout, prod),
        Kind::Pnpm => {
            command.args(["ls", "-r", "--depth", "Infinity", "--json"]);
            if manager.major() >= 10 {
                command.arg("--lockfile-only");
            } else {
                // Older ones list nothing that is not installed.
                let mut install = locked.command()?;
                done(install.args(["install", "--frozen-lockfile", "--ignore-scripts"]));
            }
            if prod {
                command.arg("--prod");
            }
            pnpm(&done(&mut command).stdout)
        }
        Kind::Yarn1 => {
            command.args(["list", "--json"]);
            if prod {
                command.arg("--production");
            }
            yarn1(&done(&mut command).stdout)
        }
        Kind::Yarn => yarn(&done(command.args(["info", "-A", "-R", "--json"])).stdout),
        Kind::Bun => bun(&done(command.args(["pm", "ls", "--all"])).stdout),
    })
}

/// What ringfence reads, in the words of a manager.
pub(crate) fn read(graph: &Graph, manager: &Manager, prod: bool) -> Names {
    let called = match manager.kind {
        Kind::Npm | Kind::Pnpm | Kind::Yarn => Called::Itself,
        Kind::Yarn1 | Kind::Bun => Called::Alias,
    };
    let needed = graph.packages.iter().filter(|one| !prod || one.need != Need::Dev);
    needed
        .map(|package| {
            let alias = package.alias.as_deref().filter(|_| called == Called::Alias);
            let name = alias.unwrap_or(&package.name);
            match &package.source {
                Source::Link { .. } => format!("{name}@local"),
                Source::File { path } if !is_tarball(path) => format!("{name}@local"),
                _ => format!("{name}@{}", package.version.as_deref().unwrap_or_default()),
            }
        })
        .collect()
}

fn is_tarball(address: &str) -> bool {
    address.contains(".tgz")
}

/// Whether a version is no version but where a folder is.
fn is_local(version: &str) -> bool {
    ["link:", "file:", "portal:", "workspace:"].iter().any(|start| version.starts_with(start))
        && !is_tarball(version)
        || !version.contains(':') && version.contains('/')
}

fn npm(text: &str, prod: bool) -> Names {
    let nodes: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut names = Names::new();
    for node in &nodes {
        let text = |key: &str| node[key].as_str().unwrap_or_default();
        let flag = |key: &str| node[key].as_bool().unwrap_or_default();
        if prod && flag("dev") {
            continue;
        }
        let location = text("location");
        // Where a link leads is told by the link.
        if !location.contains("node_modules/") {
            continue;
        }
        let resolved = text("resolved");
        let name = text("name");
        if node["link"] == true || resolved.starts_with("file:") && !is_tarball(resolved) {
            names.insert(format!("{name}@local"));
        } else {
            names.insert(format!("{name}@{}", text("version")));
        }
    }
    names
}

fn pnpm(text: &str) -> Names {
    fn below(node: &Value, names: &mut Names) {
        for key in ["dependencies", "devDependencies", "optionalDependencies"] {
            for (alias, child) in node[key].as_object().into_iter().flatten() {
                let name = child["from"].as_str().unwrap_or(alias);
                let version = child["version"].as_str().unwrap_or_default();
                let version = version.split('(').next().unwrap_or(version);
                let version = if is_local(version) { "local" } else { version };
                names.insert(format!("{name}@{version}"));
                below(child, names);
            }
        }
    }
    let importers: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut names = Names::new();
    for importer in &importers {
        below(importer, &mut names);
    }
    names
}

fn yarn1(text: &str) -> Names {
    fn below(trees: &Value, names: &mut Names) {
        for tree in trees.as_array().into_iter().flatten() {
            // A shadow is a range that a package asks for.
            if tree["shadow"] != true {
                names.insert(tree["name"].as_str().unwrap().to_owned());
            }
            below(&tree["children"], names);
        }
    }
    let mut names = Names::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if value["type"] == "tree" {
            below(&value["data"]["trees"], &mut names);
        }
    }
    names
}

fn yarn(text: &str) -> Names {
    let mut names = Names::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let locator = value["value"].as_str().unwrap();
        let at = locator[1..].find('@').unwrap() + 1;
        let (name, reference) = (&locator[..at], &locator[at + 1..]);
        let version = value["children"]["Version"].as_str().unwrap_or_default();
        if reference.starts_with("workspace:") {
            continue;
        }
        let version = if is_local(reference) { "local" } else { version };
        names.insert(format!("{name}@{version}"));
    }
    names
}

fn bun(text: &str) -> Names {
    let lines = text.lines().skip(1).filter_map(|line| Some(line.split_once("── ")?.1));
    let one = |label: &str| {
        let at = label[1..].find('@').unwrap() + 1;
        let (name, version) = (&label[..at], &label[at + 1..]);
        if version.starts_with("workspace:") {
            return None;
        }
        // Of a tarball it knows the address alone.
        let version = match version {
            tarball if is_tarball(tarball) || tarball.contains("://") => "",
            folder if is_local(folder) => "local",
            version => version,
        };
        Some(format!("{name}@{version}"))
    };
    lines.filter_map(one).collect()
}

/// Without workspaces, which are no packages, and with folders by their names.
pub(crate) fn plain(names: Names, workspaces: &[&str], folders: &[&str]) -> Names {
    let name_of = |label: &str| label[..=label[1..].find('@').unwrap()].to_owned();
    let all = names.into_iter().filter(|label| !workspaces.contains(&name_of(label).as_str()));
    all.map(|label| match name_of(&label) {
        name if folders.contains(&name.as_str()) => format!("{name}@local"),
        _ => label,
    })
    .collect()
}

/// What one has and the other has not.
pub(crate) fn difference(ours: &Names, theirs: &Names) -> BTreeMap<&'static str, Vec<String>> {
    let only = |one: &Names, other: &Names| one.difference(other).cloned().collect::<Vec<_>>();
    let sides =
        [("only ringfence has", only(ours, theirs)), ("only the manager has", only(theirs, ours))];
    sides.into_iter().filter(|(_, names)| !names.is_empty()).collect()
}
