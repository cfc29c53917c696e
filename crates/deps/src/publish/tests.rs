//! Findings of small packages and workflows, and that what is in order is told as such.

use super::{CHECKS, Published, check};
use ringfence_policy::dependencies::{Dependencies, PUBLISH_CODES};
use std::fs;

fn published(files: &[(&str, &str)]) -> Published {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    check(folder.path(), &Dependencies::default(), 0).unwrap()
}

fn codes(files: &[(&str, &str)]) -> Vec<String> {
    let found = published(files).findings;
    found.iter().map(|one| format!("{} {}:{}", one.code, one.file, one.line)).collect()
}

const WHOLE: &str = r#"{"name":"p","version":"1.0.0","license":"MIT","main":"a.js",
"files":["a.js"],"repository":"github:a/b"}"#;

const GOOD: &str = "on:\n  push:\n    tags: ['v*']\npermissions: {}\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    environment: npm\n    permissions:\n      contents: read\n      id-token: write\n    steps:\n      - uses: actions/checkout@0123456789012345678901234567890123456789\n      - uses: actions/setup-node@0123456789012345678901234567890123456789\n        with:\n          node-version: 24\n      - run: npm ci --ignore-scripts\n      - run: npm publish\n";

fn with_workflow(text: &str) -> Vec<String> {
    codes(&[
        ("package.json", WHOLE),
        ("a.js", ""),
        ("README.md", "a"),
        (".github/CODEOWNERS", "* @a"),
        (".github/workflows/release.yml", text),
    ])
}

#[test]
fn what_is_in_order_has_no_finding_and_what_no_file_tells_is_named() {
    assert_eq!(with_workflow(GOOD), Vec::<String>::new());
    let told = published(&[
        ("package.json", WHOLE),
        ("a.js", ""),
        ("README.md", "a"),
        (".github/CODEOWNERS", "* @a"),
        (".github/workflows/release.yml", GOOD),
    ]);
    let what: Vec<_> = told.not_judged.iter().map(|one| one.what).collect();
    assert!(what.contains(&"branch protection") && what.contains(&"trusted publisher"), "{what:?}");
}

#[test]
fn each_change_of_a_good_workflow_is_found_at_its_line() {
    let file = ".github/workflows/release.yml";
    for (from, to, code, line) in [
        ("      id-token: write\n", "", "no-trusted-publishing", 17),
        ("      id-token: write\n", "", "no-provenance", 17),
        ("node-version: 24", "node-version: 20", "old-npm", 16),
        ("npm ci --ignore-scripts", "npm install --ignore-scripts", "unfrozen-install", 17),
        ("npm ci --ignore-scripts", "npm ci", "install-scripts-on", 17),
        ("checkout@0123456789012345678901234567890123456789", "checkout@v4", "unpinned-action", 13),
        ("    environment: npm\n", "", "no-environment", 6),
        (
            "          node-version: 24\n",
            "          node-version: 24\n          cache: npm\n",
            "shared-cache",
            17,
        ),
        ("      contents: read\n", "      actions: write\n", "wide-permissions", 10),
        (
            "- run: npm publish\n",
            "- run: npm publish\n        env:\n          NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}\n",
            "long-lived-token",
            20,
        ),
        ("on:\n  push:\n", "on:\n  pull_request_target:\n  push:\n", "", 0),
    ] {
        let found = with_workflow(&GOOD.replace(from, to));
        if code.is_empty() {
            assert!(found.is_empty(), "without the code of the pull request: {found:?}");
            continue;
        }
        assert!(found.contains(&format!("{code} {file}:{line}")), "{code}: {found:?}");
    }
}

#[test]
fn the_code_of_a_pull_request_is_found_where_secrets_are() {
    let text = "on: pull_request_target\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}\n";
    assert_eq!(with_workflow(text), ["untrusted-checkout .github/workflows/release.yml:7"]);
}

#[test]
fn contents_are_looked_through() {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "MHcCAQEE".repeat(8));
    let found = codes(&[
        (
            "package.json",
            "{\"name\":\"p\",\n\"main\":\"lib/x.js\",\n\"scripts\":{\n\"postinstall\":\"node x\"}}",
        ),
        (".env", "TOKEN=abc\n"),
        ("key.pem", &key),
        ("test/a.js", ""),
        ("a.js.map", "{\"sourcesContent\":[\"x\"]}"),
        ("old.tgz", ""),
    ]);
    for wanted in [
        "secret-shipped .env:1",
        "secret-shipped key.pem:1",
        "missing-target package.json:2",
        "own-install-script package.json:4",
        "stray-file test:1",
        "stray-file old.tgz:1",
        "sources-shipped a.js.map:1",
        "incomplete-manifest package.json:1",
    ] {
        assert!(found.iter().any(|one| one == wanted), "{wanted}: {found:?}");
    }
}

#[test]
fn a_workflow_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    fs::write(folder.path().join("package.json"), WHOLE).unwrap();
    fs::write(folder.path().join(".github/workflows/a.yml"), "on: push\na: [\n").unwrap();
    let error = check(folder.path(), &Dependencies::default(), 0).unwrap_err();
    assert!(error.to_string().starts_with(".github/workflows/a.yml:"), "{error}");
}

#[test]
fn the_boundary_file_and_the_documentation_know_every_code() {
    let codes: Vec<_> = CHECKS.iter().map(|check| check.code).collect();
    assert_eq!(codes, PUBLISH_CODES);
    let page = include_str!("../../../../docs/deps-publish.md");
    for check in &CHECKS {
        let row = format!("| `{}` | {} |", check.code, check.severity.id());
        assert!(page.contains(&row), "{row}");
    }
}
