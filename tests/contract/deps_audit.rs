//! `ringfence deps audit` and `ringfence deps advisories import`

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::not_run;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const LOCK: &str = r#"{
  "name": "app", "version": "1.0.0", "lockfileVersion": 3,
  "packages": {
    "": { "name": "app", "version": "1.0.0", "dependencies": { "web": "^1.0.0" }, "devDependencies": { "tool": "^1.0.0" } },
    "node_modules/web": { "version": "1.0.0", "dependencies": { "deep": "~3.0.0" } },
    "node_modules/deep": { "version": "3.0.1" },
    "node_modules/tool": { "version": "1.4.0-rc.1" }
  }
}
"#;

fn project() -> Playground {
    Playground::new().with("package-lock.json", LOCK)
}

/// A document of OSV about one package.
fn advisory(id: &str, name: &str, events: &Value, severity: &str) -> Value {
    json!({
        "id": id, "modified": "2026-11-20T10:00:00Z", "summary": format!("{name} does too much"),
        "affected": [{ "package": { "ecosystem": "npm", "name": name },
            "ranges": [{ "type": "SEMVER", "events": events }] }],
        "database_specific": { "severity": severity },
    })
}

fn all() -> Value {
    json!([
        advisory(
            "GHSA-aaaa-bbbb-cccc",
            "deep",
            &json!([{ "introduced": "0" }, { "fixed": "3.1.0" }]),
            "HIGH"
        ),
        advisory(
            "GHSA-dddd-eeee-ffff",
            "tool",
            &json!([{ "introduced": "1.0.0" }, { "fixed": "1.4.0" }]),
            "LOW"
        ),
        advisory("GHSA-gggg-hhhh-iiii", "web", &json!([{ "introduced": "2.0.0" }]), "CRITICAL"),
    ])
}

/// A project with an index of these advisories.
fn with_index(advisories: &Value) -> Playground {
    let playground = project().with("osv.json", &advisories.to_string());
    let run = playground.run(["deps", "advisories", "import", "osv.json"]);
    assert_eq!(run.code, 0, "{run}");
    playground
}

/// Days change with the calendar.
fn undated(mut run: Run) -> Run {
    for text in [&mut run.stdout, &mut run.stderr] {
        let words = |line: &str| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            for index in 1..words.len() {
                if words[index].starts_with("days") && words[index - 1].parse::<u64>().is_ok() {
                    "[N]".clone_into(&mut words[index - 1]);
                }
            }
            words.join(" ")
        };
        *text = text.split('\n').map(words).collect::<Vec<_>>().join("\n");
    }
    run
}

#[test]
fn what_is_known_is_found_offline_with_its_way_and_its_fix() {
    let playground = with_index(&all());
    let run = playground.run(["deps", "audit"]);
    assert_snapshot!(undated(run), @"
    exit: 1
    --- stdout
    high deep@3.0.1 (production): GHSA-aaaa-bbbb-cccc
        deep does too much
        package-lock.json:6, brought in by web@1.0.0
        mended in 3.1.0, but web@1.0.0 asks for ~3.0.0

    low tool@1.4.0-rc.1 (dev): GHSA-dddd-eeee-ffff
        tool does too much
        package-lock.json:7, the project asks for it
        mended in 1.4.0: update the lockfile

    2 vulnerabilities (1 high, 1 low), among 3 packages
    3 advisories, the newest of 2026-11-20, [N] days ago: [DIR]/.local/share/ringfence/advisories.index
    --- stderr
    ---
    ");
    // The control: without what is wrong, nothing is found.
    let other = json!([advisory(
        "GHSA-gggg-hhhh-iiii",
        "web",
        &json!([{ "introduced": "2.0.0" }]),
        "HIGH"
    )]);
    let run = with_index(&other).run(["deps", "audit"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("no known vulnerability, among 3 packages\n"), "{run}");
}

#[test]
fn the_level_and_what_is_left_out_decide_what_fails() {
    let playground = with_index(&all());
    let code = |more: &[&str]| playground.run([&["deps", "audit"], more].concat()).code;
    assert_eq!(code(&["--level", "critical"]), 0);
    assert_eq!(code(&["--level", "low"]), 1);
    let low =
        json!([advisory("GHSA-dddd-eeee-ffff", "tool", &json!([{ "introduced": "0" }]), "LOW")]);
    let playground = with_index(&low);
    let code = |more: &[&str]| playground.run([&["deps", "audit"], more].concat()).code;
    assert_eq!(code(&["--level", "low"]), 1);
    assert_eq!(code(&["--level", "low", "--omit", "dev"]), 0);
    assert_eq!(code(&[]), 0);
    // What nobody rated counts at every level.
    let unrated =
        json!([advisory("GHSA-dddd-eeee-ffff", "tool", &json!([{ "introduced": "0" }]), "?")]);
    assert_eq!(with_index(&unrated).run(["deps", "audit", "--level", "critical"]).code, 1);
}

#[test]
fn the_boundary_file_says_what_fails_and_what_was_agreed() {
    let boundary = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.mjs\"]\n[dependencies]\nfail-on = \"low\"\n\
        accept = [{ code = \"GHSA-aaaa-bbbb-cccc\", package = \"deep\", reason = \"not reached\" }]\n";
    let playground = with_index(&all()).with("ringfence.toml", boundary);
    let run = playground.run(["deps", "audit", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &told["failing"], &told["level"]), (1, &json!(1), &json!("low")));
    assert_eq!(told["accepted"][0]["reason"], "not reached");
    assert_eq!(told["vulnerabilities"][0]["id"], "GHSA-dddd-eeee-ffff");
}

#[test]
fn what_is_ignored_has_a_reason_and_a_day_and_is_told() {
    let playground = with_index(&all());
    let run = playground.run([
        "deps",
        "audit",
        "--ignore",
        "GHSA-aaaa-bbbb-cccc=not reached@2999-01-31",
        "--ignore",
        "GHSA-1=gone@2999-01-31",
    ]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("note: accepted: GHSA-aaaa-bbbb-cccc in deep@3.0.1: not reached, until the end of 2999-01-31\n"), "{run}");
    assert!(run.stdout.contains("note: accepting GHSA-1: nothing needs it any more\n"), "{run}");
    let run =
        playground.run(["deps", "audit", "--ignore", "GHSA-aaaa-bbbb-cccc=not reached@2020-01-31"]);
    assert!(
        run.code == 1 && run.stdout.contains("GHSA-aaaa-bbbb-cccc: its time is over\n"),
        "{run}"
    );
    for wrong in
        ["GHSA-1", "GHSA-1=why", "GHSA-1=@2027-01-31", "=why@2027-01-31", "GHSA-1=why@2027-02-30"]
    {
        let run = playground.run(["deps", "audit", "--ignore", wrong]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{wrong}: {run}");
    }
}

#[test]
fn without_an_index_or_with_a_broken_one_there_is_no_answer() {
    let playground = project();
    let run = playground.run(["deps", "audit"]);
    assert_snapshot!(run, @"
    exit: 2
    --- stdout
    --- stderr
    error: there is no index of advisories: [DIR]/.local/share/ringfence/advisories.index
    hint: get advisories in the form of OSV (a folder, or the zip of its npm ecosystem), then `ringfence deps advisories import SOURCE`; or ask the registry with --online
    ---
    ");
    let playground = with_index(&all());
    let index = playground.path().join(".local/share/ringfence/advisories.index");
    let whole = std::fs::read_to_string(&index).unwrap();
    for broken in [&whole[..whole.len() / 2], "", "{}\n", &whole.replace("deep", "deer")] {
        std::fs::write(&index, broken).unwrap();
        let run = playground.run(["deps", "audit"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    }
    std::fs::write(&index, &whole).unwrap();
    assert_eq!(playground.run(["deps", "audit"]).code, 1);
}

#[test]
fn an_old_index_says_so() {
    let mut old = all();
    for one in old.as_array_mut().unwrap() {
        one["modified"] = json!("2020-01-01T00:00:00Z");
    }
    let run = undated(with_index(&old).run(["deps", "audit"]));
    assert_eq!(run.stderr, "warning: the index is [N] days old: newer advisories are not in it\n");
    let future = all().to_string().replace("2026-11-20", "2999-01-01");
    let run = with_index(&serde_json::from_str(&future).unwrap()).run(["deps", "audit"]);
    assert!(run.stderr.contains("is from the future"), "{run}");
}

#[test]
fn an_import_that_fails_leaves_the_index_that_was_there() {
    let playground = with_index(&all());
    let index = playground.path().join(".local/share/ringfence/advisories.index");
    let before = std::fs::read(&index).unwrap();
    let elsewhere = all().to_string().replace("\"npm\"", "\"PyPI\"");
    let bomb = format!("{{\"id\":{}", "[".repeat(1 << 20));
    let playground = playground
        .with("cut.json", "{\"id\": \"GHSA-1\", \"modif")
        .with("none.json", "[]")
        .with("bomb.json", &bomb)
        .with("elsewhere.json", &elsewhere)
        .with("cut.zip", "PK\u{3}\u{4}no more")
        .with("empty/README.md", "nothing here");
    for source in
        ["cut.json", "none.json", "bomb.json", "elsewhere.json", "cut.zip", "empty", "missing"]
    {
        let run = playground.run(["deps", "advisories", "import", source]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{source}: {run}");
        assert_eq!(std::fs::read(&index).unwrap(), before, "{source}");
    }
    let left: Vec<_> = std::fs::read_dir(index.parent().unwrap()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let run = playground.run(["deps", "advisories", "import", "cut.json"]);
    assert_snapshot!(run, @"
    exit: 2
    --- stdout
    --- stderr
    error: cut.json is not imported
      caused by: cut.json: no advisory of OSV: EOF while parsing a string at line 1 column 23
    hint: nothing was written: an index that was there is still there
    ---
    ");
}

#[test]
fn a_zip_as_osv_publishes_it_is_imported_and_half_of_it_is_not() {
    let playground = project();
    let folder = playground.path().join("npm");
    std::fs::create_dir(&folder).unwrap();
    for one in all().as_array().unwrap() {
        let name = one["id"].as_str().unwrap();
        std::fs::write(folder.join(format!("{name}.json")), one.to_string()).unwrap();
    }
    let zipped = other("zip").args(["-q", "-r", "../all.zip", "."]).current_dir(&folder).status();
    if !zipped.is_ok_and(|status| status.success()) {
        return not_run("zip is not installed: apt-get install zip");
    }
    let import = |source: &str, out: &str| {
        playground.run(["deps", "advisories", "import", source, "--out", out])
    };
    let run = import("all.zip", "zipped.index");
    assert_snapshot!(run, @"
    exit: 0
    --- stdout
    3 documents read: 3 advisories about 3 npm packages, 0 taken back
    newest of 2026-11-20T10:00:00Z
    zipped.index
    --- stderr
    ---
    ");
    assert_eq!(import("npm", "folder.index").code, 0);
    let read = |name: &str| std::fs::read(playground.path().join(name)).unwrap();
    assert_eq!(read("zipped.index"), read("folder.index"));
    let whole = read("all.zip");
    std::fs::write(playground.path().join("half.zip"), &whole[..whole.len() - 40]).unwrap();
    let run = import("half.zip", "half.index");
    assert!(run.code == 2 && !playground.path().join("half.index").exists(), "{run}");
    let run = playground.run(["deps", "audit", "--advisories", "zipped.index"]);
    assert_eq!(run.code, 1, "{run}");
}

#[test]
fn texts_of_advisories_cannot_steer_a_terminal_or_a_page() {
    let mut evil = advisory("GHSA-aaaa-bbbb-cccc", "deep", &json!([{ "introduced": "0" }]), "HIGH");
    evil["summary"] = json!("\u{1b}[2J\u{202e}<img src=x onerror=alert(1)>|`x`");
    let playground = with_index(&json!([evil]));
    for format in ["human", "markdown", "sarif", "json"] {
        let run = playground.run(["deps", "audit", "--format", format]);
        assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains("| |"), "{run}");
        if format != "json" {
            assert!(!run.stdout.contains('\u{202e}'), "{run}");
        }
        if format == "markdown" {
            assert!(run.stdout.contains("\\<img src=x"), "{run}");
        }
    }
}

#[test]
fn code_scanning_and_pull_requests_get_their_own_forms() {
    let playground = with_index(&all());
    let run = playground.run(["deps", "audit", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
    let first = &run["results"][0];
    assert_eq!(
        (&first["ruleId"], &first["level"]),
        (&json!("GHSA-aaaa-bbbb-cccc"), &json!("error"))
    );
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "package-lock.json");
    assert_eq!(place["region"]["startLine"], 6);
    let run = playground.run(["deps", "audit", "--format", "markdown"]);
    assert_snapshot!(undated(run), @r"
    exit: 1
    --- stdout
    ### Known vulnerabilities

    2 vulnerabilities (1 high, 1 low), among 3 packages

    | severity | package | advisory | brought in by | mended |
    |---|---|---|---|---|
    | **high** | deep@3.0.1 (production) | GHSA-aaaa-bbbb-cccc deep does too much | brought in by web@1.0.0 | mended in 3.1.0, but web@1.0.0 asks for ~3.0.0 |
    | low | tool@1.4.0-rc.1 (dev) | GHSA-dddd-eeee-ffff tool does too much | the project asks for it | mended in 1.4.0: update the lockfile |

    3 advisories, the newest of 2026-11-20, [N] days ago: [DIR]/.local/share/ringfence/advisories.index
    --- stderr
    ---
    ");
}

/// A registry with a bulk endpoint on loopback: it answers by the first part of its path.
struct Registry {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request: its head, and what was in its body.
struct Asked {
    head: String,
    body: Vec<u8>,
}

impl Registry {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = request(&mut stream);
                let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
                kept.lock().unwrap().push(request);
                let _ = stream.write_all(answer(&path).as_bytes());
            }
        });
        Self { port, asked }
    }

    /// Its address with a path that chooses the answer.
    fn url(&self, kind: &str) -> String {
        format!("http://127.0.0.1:{}/{kind}/", self.port)
    }
}

fn request(stream: &mut TcpStream) -> Asked {
    let mut bytes: Vec<u8> = Vec::new();
    let mut more = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            });
            let body = &bytes[end + 4..];
            if body.len() >= length.unwrap_or(0_usize) {
                return Asked { head, body: body.to_vec() };
            }
        }
        match stream.read(&mut more) {
            Ok(length) if length > 0 => bytes.extend_from_slice(&more[..length]),
            _ => return Asked { head: String::new(), body: bytes },
        }
    }
}

fn answer(path: &str) -> String {
    let known = json!({ "deep": [{
        "id": 1_001, "url": "https://advisories.example/GHSA-aaaa-bbbb-cccc", "title": "deep does too much",
        "severity": "high", "vulnerable_versions": "<3.1.0", "cwe": [], "cvss": { "score": 7.5, "vectorString": null },
    }] });
    let kind = path.split('/').nth(1).unwrap_or_default();
    let ours = path.ends_with("/-/npm/v1/security/advisories/bulk");
    let (status, body) = match kind {
        _ if !ours => ("404 Not Found", "{}".to_owned()),
        "known" => ("200 OK", known.to_string()),
        "clean" => ("200 OK", "{}".to_owned()),
        "page" => ("200 OK", "<!doctype html><title>Sign in</title>".to_owned()),
        "list" => ("200 OK", "[]".to_owned()),
        "error" => ("200 OK", "{\"error\": \"not today\"}".to_owned()),
        "broken" => ("500 Internal Server Error", "{}".to_owned()),
        "closed" => ("401 Unauthorized", "{}".to_owned()),
        "moved" => {
            ("302 Found\r\nlocation: /clean/-/npm/v1/security/advisories/bulk", String::new())
        }
        "cut" => return "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}".to_owned(),
        "much" => return "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}".to_owned(),
        _ => ("404 Not Found", "{}".to_owned()),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn online(registry: &str, project: Playground) -> Run {
    let npmrc = format!(
        "registry={registry}\n{}:_authToken=${{TOKEN}}\n",
        registry.trim_start_matches("http:")
    );
    let playground = project.with(".npmrc", &npmrc);
    let mut command = playground.command();
    playground.finish(command.env("TOKEN", "t0ken").args(["deps", "audit", "--online"]))
}

#[test]
fn a_registry_is_asked_as_npm_asks_it() {
    let registry = Registry::new();
    let run = online(&registry.url("known"), project());
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stdout.contains("high deep@3.0.1 (production): GHSA-aaaa-bbbb-cccc, npm:1001\n"),
        "{run}"
    );
    assert!(run.stdout.contains("mended in 3.1.0, but web@1.0.0 asks for ~3.0.0\n"), "{run}");
    let asked = registry.asked.lock().unwrap();
    let [only] = &asked[..] else { panic!("{} requests", asked.len()) };
    let head = only.head.to_ascii_lowercase();
    assert!(head.starts_with("post /known/-/npm/v1/security/advisories/bulk http/1.1"), "{head}");
    for line in
        ["content-encoding: gzip", "content-type: application/json", "authorization: bearer t0ken"]
    {
        assert!(head.lines().any(|one| one == line), "{head}");
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&only.body[..]).read_to_string(&mut text).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body, json!({ "deep": ["3.0.1"], "tool": ["1.4.0-rc.1"], "web": ["1.0.0"] }));
}

#[test]
fn an_answer_that_is_none_is_never_clean() {
    let registry = Registry::new();
    assert_eq!(online(&registry.url("clean"), project()).code, 0);
    for kind in ["nowhere", "page", "list", "error", "broken", "closed", "moved", "cut", "much"] {
        let run = online(&registry.url(kind), project());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{kind}: {run}");
        assert!(
            run.stderr.starts_with("error: the registry was asked and nothing is known\n"),
            "{kind}: {run}"
        );
    }
    // Nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(online(&format!("http://{free}/"), project()).code, 2);
    for elsewhere in
        ["http://registry.example/", "ftp://127.0.0.1/", "https://u:p@127.0.0.1/", "nonsense"]
    {
        let run = online(elsewhere, project());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{elsewhere}: {run}");
    }
    let run = online(&registry.url("nowhere"), project());
    let shown = Run { stderr: run.stderr.replace(&registry.port.to_string(), "[PORT]"), ..run };
    assert_snapshot!(shown, @"
    exit: 2
    --- stdout
    --- stderr
    error: the registry was asked and nothing is known
      caused by: the registry answers with status 404: it has no advisories to ask for
    hint: audit with an index instead: `ringfence deps advisories import SOURCE`, then `ringfence deps audit` without --online
    ---
    ");
}

#[test]
fn npm_itself_believes_this_registry() {
    let registry = Registry::new();
    let manifest = r#"{ "name": "app", "version": "1.0.0", "dependencies": { "web": "^1.0.0" }, "devDependencies": { "tool": "^1.0.0" } }"#;
    let audit = |kind: &str| {
        let playground = project().with("package.json", manifest);
        let url = registry.url(kind);
        let mut npm = other("npm");
        npm.args([
            "audit",
            "--json",
            "--package-lock-only",
            "--audit",
            "--fetch-retries=0",
            "--registry",
            &url,
        ]);
        npm.env("HOME", playground.path()).current_dir(playground.path());
        let output = npm.output().ok()?;
        serde_json::from_slice::<Value>(&output.stdout).ok()
    };
    let Some(told) = audit("known") else {
        return not_run("npm is not installed: apt-get install npm");
    };
    assert_eq!(told["vulnerabilities"]["deep"]["severity"], "high", "{told}");
    assert!(told["vulnerabilities"].get("tool").is_none(), "{told}");
}

#[test]
fn a_lockfile_that_cannot_be_read_is_never_clean() {
    let merge = LOCK.replacen("\"node_modules/deep\"", "\n<<<<<<< ours\n\"node_modules/deep\"", 1);
    let half = &LOCK[..LOCK.len() / 2];
    let twice = format!("{LOCK}{LOCK}");
    let bomb = "[".repeat(1 << 20);
    let empty = r#"{ "lockfileVersion": 3, "packages": { "": {} } }"#;
    for (what, text) in [
        ("merge", merge.as_str()),
        ("half", half),
        ("twice", &twice),
        ("bomb", &bomb),
        ("empty", empty),
        ("nothing", ""),
    ] {
        let playground = with_index(&all()).with("package-lock.json", text);
        for verb in ["audit", "sbom"] {
            let run = playground.run(["deps", verb]);
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{what}: {run}");
        }
    }
    let run = with_index(&all()).run(["deps", "audit", "nowhere"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
}
