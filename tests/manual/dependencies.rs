//! What a service is made of beside its own code: the questions a changed lockfile must raise, and the
//! rules for those who publish.

use ringfence_tests::command::Playground;
use serde_json::{Value, json};

/// The codes that a review finds when one package is put beside, or in the place of, another.
fn review(old: &Value, new: &Value) -> Vec<String> {
    let lockfile =
        |packages: &Value| json!({"lockfileVersion": 3, "packages": packages}).to_string();
    let playground = Playground::new()
        .with("old/package-lock.json", &lockfile(old))
        .with("new/package-lock.json", &lockfile(new));
    let run = playground.run(["deps", "review", "old", "new", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).map_err(|_| run.to_string()).unwrap();
    codes(&told)
}

fn codes(told: &Value) -> Vec<String> {
    let found = told["findings"].as_array().unwrap().iter();
    found.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

fn package(name: &str, version: &str, more: &Value) -> Value {
    let mut package = json!({"version": version, "license": "MIT", "integrity": format!("sha512-{version}"),
        "resolved": format!("https://registry.example/{name}/-/{name}-{version}.tgz")});
    for (key, value) in more.as_object().unwrap() {
        package[key] = value.clone();
    }
    package
}

fn asked(names: &[&str]) -> Value {
    let all: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), "*".into())).collect();
    json!({"dependencies": all})
}

/// `pear` as it was, and as it shall be.
fn updated(before: &Value, after: &Value) -> Vec<String> {
    let lock = |pear: &Value| json!({"": asked(&["pear"]), "node_modules/pear": pear});
    review(&lock(before), &lock(after))
}

fn pear(version: &str) -> Value {
    package("pear", version, &json!({}))
}

/// The control of every review here: an ordinary update raises no question.
fn an_ordinary_update_is_clean() {
    assert_eq!(updated(&pear("1.0.0"), &pear("1.0.1")), Vec::<String>::new());
}

#[test]
fn line_322_and_340_a_new_package_with_a_similar_name_is_questioned() {
    an_ordinary_update_is_clean();
    let old = json!({"": asked(&["express"]), "node_modules/express": package("express", "5.0.0", &json!({}))});
    let mut new = old.clone();
    new[""] = asked(&["express", "expres"]);
    new["node_modules/expres"] = package("expres", "1.0.0", &json!({}));
    assert!(review(&old, &new).contains(&"similar-name".to_owned()));
}

#[test]
fn line_341_a_new_install_script_is_questioned() {
    an_ordinary_update_is_clean();
    let after = package("pear", "1.0.1", &json!({"hasInstallScript": true}));
    assert!(updated(&pear("1.0.0"), &after).contains(&"new-install-script".to_owned()));
}

#[test]
fn line_342_another_tarball_url_is_questioned() {
    an_ordinary_update_is_clean();
    let elsewhere = json!({"resolved": "git+https://code.example/pear.git#0123456789abcdef0123456789abcdef01234567"});
    let found = updated(&pear("1.0.0"), &package("pear", "1.0.1", &elsewhere));
    assert!(found.contains(&"source-changed".to_owned()), "{found:?}");
}

#[test]
fn line_343_many_transitive_bumps_are_questioned() {
    an_ordinary_update_is_clean();
    let all = |version: &str| {
        let names: Vec<String> = (0..40).map(|number| format!("pear-part-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut lock = json!({"": asked(&["pear"])});
        lock["node_modules/pear"] = package("pear", "1.0.0", &asked(&names));
        for name in names {
            lock[format!("node_modules/{name}")] = package(name, version, &json!({}));
        }
        lock
    };
    assert!(review(&all("1.0.0"), &all("1.0.1")).contains(&"transitive-bumps".to_owned()));
}

#[test]
fn line_344_a_native_addon_is_questioned() {
    an_ordinary_update_is_clean();
    let lock = |pear: Value| {
        json!({"": asked(&["pear"]), "node_modules/pear": pear,
            "node_modules/node-gyp-build": package("node-gyp-build", "4.8.0", &json!({}))})
    };
    let old = lock(package("pear", "1.0.0", &json!({})));
    let new = lock(package("pear", "2.0.0", &asked(&["node-gyp-build"])));
    let found = review(&old, &new);
    assert!(found.contains(&"native-addon".to_owned()), "{found:?}");
}

#[test]
fn line_345_another_licence_is_questioned() {
    an_ordinary_update_is_clean();
    let after = package("pear", "1.0.1", &json!({"license": "GPL-3.0-only"}));
    assert_eq!(updated(&pear("1.0.0"), &after), ["licence-changed"]);
}

const RELEASE: &str = "on:\n  push:\n    tags: ['v*']\npermissions: {}\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    environment: npm\n    permissions:\n      contents: read\n      id-token: write\n    steps:\n      - uses: actions/checkout@0123456789012345678901234567890123456789\n      - uses: actions/setup-node@0123456789012345678901234567890123456789\n        with:\n          node-version: 24\n      - run: npm ci --ignore-scripts\n      - run: npm publish\n";

/// What is found about a package that is in order but for one change.
fn publish(from: &str, to: &str, more: &[(&str, &str)]) -> Value {
    let manifest = "{\"name\":\"a\",\"version\":\"1.0.0\",\"main\":\"a.js\",\"license\":\"MIT\",\"repository\":\"github:a/b\"}";
    let start = Playground::new()
        .with("package.json", manifest)
        .with("a.js", "")
        .with("README.md", "a")
        .with(".npmignore", ".github\n")
        .with(".github/CODEOWNERS", "/.github/ @a\n")
        .with(".github/workflows/release.yml", &RELEASE.replace(from, to));
    let playground = more.iter().fold(start, |all, (name, text)| all.with(name, text));
    let run = playground.run(["deps", "publish-check", "--format", "json"]);
    serde_json::from_str(&run.stdout).map_err(|_| run.to_string()).unwrap()
}

/// One change of a release that is in order, and the code that must be found.
fn is_found(from: &str, to: &str, more: &[(&str, &str)], code: &str) {
    assert_eq!(codes(&publish("", "", &[])), Vec::<String>::new(), "the control");
    let found = codes(&publish(from, to, more));
    assert!(found.contains(&code.to_owned()), "{code}: {found:?}");
}

#[test]
fn line_305_327_and_352_a_token_where_a_publisher_could_be_trusted_is_told() {
    let token = "npm publish\n        env:\n          NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}\n";
    is_found("npm publish\n", token, &[], "long-lived-token");
    is_found("      id-token: write\n", "", &[], "no-trusted-publishing");
    is_found("      id-token: write\n", "", &[], "no-provenance");
}

#[test]
fn line_353_a_release_workflow_that_nobody_has_to_review_is_told() {
    is_found("", "", &[(".github/CODEOWNERS", "/src/ @a\n")], "unprotected-workflow");
}

#[test]
fn line_354_branch_protection_is_never_taken_for_granted() {
    let told = publish("", "", &[]);
    let what = told["not_judged"].as_array().unwrap().iter().map(|one| &one["what"]);
    assert!(what.into_iter().any(|what| what == "branch protection"), "{told}");
}

#[test]
fn line_355_a_release_action_that_is_not_pinned_is_told() {
    is_found(
        "checkout@0123456789012345678901234567890123456789",
        "checkout@v4",
        &[],
        "unpinned-action",
    );
}

#[test]
fn line_356_a_release_that_is_not_built_from_clean_is_told() {
    is_found("node-version: 24\n", "node-version: 24\n          cache: npm\n", &[], "shared-cache");
    is_found("runs-on: ubuntu-latest", "runs-on: [self-hosted]", &[], "local-publish");
    is_found("npm ci", "npm install", &[], "unfrozen-install");
}

#[test]
fn line_357_what_would_be_shipped_by_accident_is_told() {
    is_found("", "", &[(".env", "TOKEN=abc\n")], "secret-shipped");
    is_found("", "", &[("test/a.js", "")], "stray-file");
}
