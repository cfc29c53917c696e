//! The lockfiles that are read: joined ones, each copy of a package under a name of its own, and what
//! they were before a change. All of them are the same in every run.

use crate::bench::deps::read;
use crate::failure::Failure;
use crate::places;
use serde_json::{Map, Value, json};

/// Services whose lockfiles are joined.
const SERVICES: [&str; 4] = ["node-red", "verdaccio", "actual", "redis-commander"];

/// The keys of an entry that name other packages.
const NAMING: [&str; 5] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
];

/// So many packages of the services' lockfiles, again and again, each time under other names.
pub(super) fn joined(count: usize) -> Result<Value, Failure> {
    let mut packages = Map::new();
    let mut asked = Map::new();
    let locks = SERVICES.map(|name| {
        read(&places::root().join(format!("tests/node/services/{name}/package-lock.json")))
    });
    let locks = locks.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (copy, lock) in locks.iter().cycle().enumerate() {
        for (folder, entry) in lock["packages"].as_object().into_iter().flatten() {
            let mut entry = entry.clone();
            for key in NAMING {
                let Some(named) = entry.get(key).and_then(Value::as_object) else { continue };
                entry[key] =
                    named.iter().map(|(name, said)| (renamed(name, copy), said.clone())).collect();
            }
            if folder.is_empty() {
                asked.extend(entry["dependencies"].as_object().cloned().into_iter().flatten());
                continue;
            }
            let name = folder.rsplit("node_modules/").next().unwrap_or(folder);
            if let Some(address) = entry["resolved"].as_str() {
                let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
                let new = renamed(name, copy);
                let file = format!("/{new}/-/{}-", plain(&new));
                let address = address.replace(&format!("/{name}/-/{}-", plain(name)), &file);
                entry["resolved"] = json!(address);
            }
            packages.insert(folders(folder, copy), entry);
            if packages.len() == count {
                packages.insert(String::new(), json!({ "name": "joined", "dependencies": asked }));
                return Ok(
                    json!({ "name": "joined", "lockfileVersion": 3, "requires": true, "packages": packages }),
                );
            }
        }
    }
    Err(Failure::NotHeld("no packages are in the services' lockfiles".to_owned()))
}

fn renamed(name: &str, copy: usize) -> String {
    match name.split_once('/') {
        Some((scope, name)) => format!("{scope}/c{copy}-{name}"),
        None => format!("c{copy}-{name}"),
    }
}

/// A folder whose every name is another.
fn folders(folder: &str, copy: usize) -> String {
    let names = folder.split("node_modules/").filter(|name| !name.is_empty());
    let names = names.map(|name| renamed(name.trim_end_matches('/'), copy));
    names.map(|name| format!("node_modules/{name}")).collect::<Vec<_>>().join("/")
}

/// The same before one in forty of its packages got a patch.
pub(super) fn changed(lock: &Value) -> Value {
    let mut lock = lock.clone();
    let all = lock["packages"].as_object_mut().into_iter().flatten();
    for (_, entry) in all.filter(|(folder, _)| !folder.is_empty()).step_by(40) {
        let Some(version) = entry["version"].as_str().map(str::to_owned) else { continue };
        let Some((line, patch)) = version.rsplit_once('.') else { continue };
        let Some(lower) = patch.parse::<u32>().ok().and_then(|patch| patch.checked_sub(1)) else {
            continue;
        };
        let before = format!("{line}.{lower}");
        let address = entry["resolved"].as_str().unwrap_or_default();
        let address = address.replace(&format!("-{version}.tgz"), &format!("-{before}.tgz"));
        entry["resolved"] = json!(address);
        entry["version"] = json!(before);
        entry["integrity"] = json!(format!("sha512-{}==", "A".repeat(86)));
    }
    lock
}

/// A lockfile of one package that nothing else has.
pub(super) fn one_package() -> Value {
    let address =
        "https://registry.example/nothing-else-has-this/-/nothing-else-has-this-1.0.0.tgz";
    json!({ "lockfileVersion": 3, "packages": {
        "": { "dependencies": { "nothing-else-has-this": "1.0.0" } },
        "node_modules/nothing-else-has-this": { "version": "1.0.0", "resolved": address },
    } })
}

/// The manifest that the peers want beside a lockfile.
pub(super) fn manifest(lock: &Value) -> Value {
    let root = &lock["packages"][""];
    json!({ "name": root["name"], "version": "1.0.0", "dependencies": root["dependencies"],
        "devDependencies": root["devDependencies"], "optionalDependencies": root["optionalDependencies"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_lockfiles_have_as_many_packages_as_were_asked_for_and_are_the_same_each_time() {
        let lock = joined(1350).unwrap();
        assert_eq!(lock["packages"].as_object().map(Map::len), Some(1351));
        assert_eq!(joined(1350).unwrap(), lock);
        assert_ne!(changed(&lock), lock);
    }

    #[test]
    fn every_name_of_a_folder_is_another() {
        assert_eq!(
            folders("node_modules/a/node_modules/@s/b", 2),
            "node_modules/c2-a/node_modules/@s/c2-b"
        );
    }
}
