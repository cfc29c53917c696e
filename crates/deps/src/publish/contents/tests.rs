//! Contents of small packages; the comparison with npm itself is a test of the command.

use super::{ContentsError, Npm, contents};
use std::fs;
use std::path::Path;

fn with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn shipped(folder: &Path, npm: Npm) -> Vec<String> {
    contents(folder, npm).unwrap().files.into_keys().collect()
}

#[test]
fn what_files_name_is_shipped_with_what_always_is() {
    let folder = with(&[
        ("package.json", r#"{"name":"p","files":["lib"],"main":"main.js"}"#),
        ("lib/a.js", ""),
        ("lib/.npmrc", ""),
        ("lib/.npmignore", "b.js"),
        ("lib/b.js", ""),
        ("main.js", ""),
        ("README.md", ""),
        ("test/a.js", ""),
        (".env", ""),
    ]);
    for npm in Npm::ALL {
        let found = shipped(folder.path(), npm);
        assert_eq!(found, ["README.md", "lib/a.js", "main.js", "package.json"], "{npm:?}");
    }
}

#[test]
fn an_npmignore_takes_the_place_of_a_gitignore() {
    let files = [("package.json", "{}"), ("a.js", ""), ("b.js", ""), (".gitignore", "a.js")];
    let folder = with(&files);
    assert_eq!(shipped(folder.path(), Npm::Eleven), ["b.js", "package.json"]);
    fs::write(folder.path().join(".npmignore"), "b.js\n").unwrap();
    assert_eq!(shipped(folder.path(), Npm::Eleven), ["a.js", "package.json"]);
}

#[test]
fn npm_12_ships_other_files_where_files_names_the_folder_itself() {
    let folder = with(&[("package.json", r#"{"files":["."]}"#), ("a.js", "")]);
    let eleven = shipped(folder.path(), Npm::Eleven);
    assert_eq!(eleven, shipped(folder.path(), Npm::Ten));
    assert_eq!(shipped(folder.path(), Npm::Twelve), ["package.json"]);
}

#[test]
fn bundled_packages_bring_what_they_need() {
    let folder = with(&[
        ("package.json", r#"{"dependencies":{"a":"1","c":"1"},"bundleDependencies":["a","none"]}"#),
        ("node_modules/a/package.json", r#"{"dependencies":{"b":"1"}}"#),
        ("node_modules/a/x.js", ""),
        ("node_modules/b/package.json", "{}"),
        ("node_modules/c/package.json", "{}"),
    ]);
    let all = ["node_modules/a/package.json", "node_modules/a/x.js", "node_modules/b/package.json"];
    assert_eq!(shipped(folder.path(), Npm::Twelve), [&all[..], &["package.json"]].concat());
}

#[test]
fn what_npm_cannot_pack_is_an_error() {
    let none = tempfile::tempdir().unwrap();
    let error = contents(none.path(), Npm::Twelve).unwrap_err();
    assert!(matches!(error, ContentsError::Manifest { .. }), "{error}");
    for manifest in ["{", "[]", r#"{"files":[1]}"#, r#"{"files":true}"#] {
        let folder = with(&[("package.json", manifest)]);
        contents(folder.path(), Npm::Twelve).unwrap_err();
    }
}
