//! Nothing in the project says where packages were downloaded from on one machine or another.
//!
//! A lockfile that names a mirror works only beside that mirror. The public registries are known
//! to their clients and need not be named either.

use ringfence_tests::workspace;
use std::path::{Path, PathBuf};

/// Names of registries, in two halves so that this file passes its own test.
const REGISTRIES: [(&str, &str); 6] = [
    ("registry.npmjs", ".org"),
    ("registry.yarnpkg", ".com"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("files.pythonhosted", ".org"),
    ("proxy.golang", ".org"),
];

#[test]
fn no_file_names_a_registry() {
    let mut names: Vec<String> =
        REGISTRIES.iter().map(|(front, back)| format!("{front}{back}")).collect();
    names.extend(configured());
    for path in workspace::files("") {
        let Some(text) = workspace::text(&path) else { continue };
        for name in &names {
            assert!(!text.contains(name.as_str()), "{} names {name}", path.display());
        }
    }
}

#[test]
fn lockfiles_of_npm_do_not_say_where_packages_came_from() {
    for path in workspace::files("") {
        if path.file_name().is_some_and(|name| name == "package-lock.json") {
            let text = workspace::text(&path).unwrap();
            assert!(!text.contains("\"resolved\": \"http"), "{}", path.display());
        }
    }
}

/// The hosts this machine's own clients are pointed at.
fn configured() -> Vec<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.unwrap_or_else(|| home.join(".cargo"));
    let files = [
        home.join(".npmrc"),
        PathBuf::from("/etc/npmrc"),
        cargo.join("config.toml"),
        home.join(".config/pip/pip.conf"),
        PathBuf::from("/etc/pip.conf"),
    ];
    files.iter().flat_map(|file| hosts(file)).collect()
}

fn hosts(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let urls = text.split("://").skip(1);
    let host = |rest: &str| {
        let host: String = rest.chars().take_while(|c| !"/:\"' \n".contains(*c)).collect();
        host.rsplit('@').next().unwrap_or_default().to_owned()
    };
    let public = |host: &String| !host.contains('.') || host.ends_with("github.com");
    urls.map(host).filter(|host| !public(host)).collect()
}
