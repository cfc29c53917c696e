//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.

use super::{LockedPackage, LockfileError};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    lockfile_version: Option<u64>,
    packages: Option<BTreeMap<String, Entry>>,
    dependencies: Option<BTreeMap<String, Nested>>,
}

/// An entry of versions 2 and 3, by its folder.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    has_install_script: bool,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    link: bool,
}

/// An entry of version 1, with what lies in its own `node_modules`.
#[derive(Deserialize)]
struct Nested {
    version: Option<String>,
    #[serde(default)]
    dev: bool,
    dependencies: Option<BTreeMap<String, Nested>>,
}

/// The version of the format, and the packages by folder.
pub(super) fn parse(text: &str) -> Result<(String, Vec<LockedPackage>), LockfileError> {
    let file: File = serde_json::from_str(text).map_err(|error| LockfileError::Syntax {
        line: error.line(),
        message: ringfence_policy::display::quoted(&error.to_string()).to_string(),
    })?;
    let mut packages = Vec::new();
    match (file.packages, file.dependencies) {
        (Some(entries), _) => {
            for (folder, entry) in entries {
                let Some((_, name)) = folder.rsplit_once("node_modules/") else { continue };
                if entry.link {
                    continue;
                }
                let name = entry.name.unwrap_or_else(|| name.to_owned());
                let (version, install_script) = (entry.version, entry.has_install_script);
                let development = entry.dev;
                packages.push(LockedPackage { folder, name, version, install_script, development });
            }
        }
        (None, Some(nested)) => flatten("", nested, &mut packages),
        (None, None) => {}
    }
    packages.sort();
    Ok((file.lockfile_version.unwrap_or(1).to_string(), packages))
}

fn flatten(above: &str, nested: BTreeMap<String, Nested>, packages: &mut Vec<LockedPackage>) {
    for (name, entry) in nested {
        let folder = format!("{above}node_modules/{name}");
        if let Some(below) = entry.dependencies {
            flatten(&format!("{folder}/"), below, packages);
        }
        let (version, development) = (entry.version, entry.dev);
        // Version 1 does not tell.
        packages.push(LockedPackage { folder, name, version, install_script: false, development });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_each_version_of_the_format() {
        let (version, packages) = parse(
            r#"{"lockfileVersion": 3, "packages": {"": {"version": "1.0.0"},
            "node_modules/a": {"version": "1.0.0", "hasInstallScript": true},
            "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "dev": true},
            "node_modules/w": {"link": true}, "packages/w": {}}}"#,
        )
        .unwrap();
        let told: Vec<_> = packages
            .iter()
            .map(|one| (one.name.as_str(), one.install_script, one.development))
            .collect();
        assert_eq!(
            (version.as_str(), told),
            ("3", vec![("a", true, false), ("@s/b", false, true)])
        );
        let (version, packages) = parse(
            r#"{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2"}}}}}"#,
        )
        .unwrap();
        let folders: Vec<_> = packages.iter().map(|one| one.folder.as_str()).collect();
        assert_eq!(
            (version.as_str(), folders),
            ("1", vec!["node_modules/a", "node_modules/a/node_modules/b"])
        );
    }

    #[test]
    fn what_is_no_lockfile_is_an_error_with_its_line() {
        let Err(LockfileError::Syntax { line, .. }) = parse("{\n\"packages\": []}") else {
            panic!("it was read");
        };
        assert_eq!(line, 2);
        assert!(parse(&"{\"dependencies\":{\"a\":".repeat(10_000)).is_err());
    }
}
