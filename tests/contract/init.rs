//! `ringfence init`: a first file from the project, every guess marked, no secret copied.

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use ringfence_tests::workspace;
use serde_json::Value;
use std::path::Path;

const PACKAGE: &str = "{\n\"name\": \"@acme/orders\",\n\"type\": \"module\",\n\"engines\": {\"node\": \">=20\"},\n\"scripts\": {\"start\": \"/bin/true src/server.mjs\"}\n}\n";
const DOCKERFILE: &str = "FROM node:22\nWORKDIR /app\nENV PORT=3000\nVOLUME /app/data\nUSER nobody\nSTOPSIGNAL SIGINT\nCMD [\"npm\", \"start\"]\n";
const COMPOSE: &str = "services:\n  web:\n    build: .\n    environment:\n      DATABASE_URL: postgres://orders:hunter2@db.internal:5433/x\n      REDIS_HOST: redis\n    depends_on: [mq]\n    secrets: [jwt]\n    mem_limit: 512m\n    tmpfs: /tmp:size=64m\n  mq: {image: \"rabbitmq:4\"}\nsecrets:\n  jwt: {file: ./secrets/jwt.txt}\n";

fn project() -> Playground {
    let playground = Playground::new().with("package.json", PACKAGE);
    playground.with("src/server.mjs", "process.env.LOG_LEVEL; process.env.API_TOKEN\n")
}

fn text(playground: &Playground) -> String {
    std::fs::read_to_string(playground.path().join("ringfence.toml")).unwrap()
}

/// The command, with this much in its environment.
fn with_variables(playground: &Playground, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = playground.command();
    playground.finish(command.envs(variables.iter().copied()).args(arguments))
}

#[test]
fn a_draft_says_where_each_line_comes_from_and_fits_the_host() {
    let playground = project()
        .with("Dockerfile", DOCKERFILE)
        .with("compose.yaml", COMPOSE)
        .with("secrets/jwt.txt", "hunter2")
        .with("data/x", "")
        .with(".env", "LOG_LEVEL=info\nSESSION_SECRET=hunter2\n");
    let set = [("DATABASE_URL", "x"), ("SESSION_SECRET", "x")];
    let run = with_variables(&playground, &set, &["init"]);
    assert_eq!(run.code, 0, "{run}");
    let draft = text(&playground);
    assert!(!draft.contains("hunter2") && !run.to_string().contains("hunter2"), "{draft}{run}");
    for line in [
        "name = \"orders\"  # from package.json:2",
        "start = [\"/bin/true\", \"src/server.mjs\"]  # from package.json:5: script \"start\"",
        "node = \">=20\"  # from package.json:4",
        "stop-signal = \"SIGINT\"  # from Dockerfile:6",
        "\"./data\",  # from Dockerfile:4: a volume",
        "\"127.0.0.1:3000\",",
        "\"db.internal:5433\",  # from compose.yaml:5: DATABASE_URL",
        "\"redis:6379\",",
        "\"mq:5672\",  # guess: because compose.yaml:7 waits for it",
        "PORT = \"3000\"  # from Dockerfile:3",
        "\"LOG_LEVEL\",  # from .env:1",
        "[secrets.jwt]  # from compose.yaml:8\nfrom = \"file:./secrets/jwt.txt\"\nto = \"/run/secrets/jwt\"\n",
        "from = \"env:SESSION_SECRET\"\nas = \"env\"\n",
        "memory = \"512MiB\"  # from compose.yaml:9",
        "tmp = \"64MiB\"  # from compose.yaml:10",
    ] {
        assert!(draft.contains(line), "{line} is not in\n{draft}");
    }
    assert!(run.stdout.contains("[secrets.api-token]"), "{run}");
    assert!(draft.contains("# [secrets.api-token]"), "what is not set is a comment: {draft}");
    let again = with_variables(&playground, &set, &["init", "--output", "-"]);
    assert_eq!(again.stdout, draft, "the same project gives the same file");
    let checked = with_variables(&playground, &set, &["check-config"]);
    assert_eq!(checked.code, 0, "{checked}");
}

#[test]
fn a_file_that_is_there_is_left_alone_without_force() {
    let playground = project().with("ringfence.toml", "mine\n");
    assert_snapshot!(playground.run(["init"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml is there already
    hint: `ringfence learn -- COMMAND` adds to it what a run needs
    hint: --force writes over it, --output - shows the draft
    ---
    ");
    assert_eq!(text(&playground), "mine\n");
    assert_eq!(playground.run(["init", "--force"]).code, 0);
    assert!(text(&playground).contains("[service]"));
    let run = project().run(["init", "--output", "/ringfence.toml"]);
    assert!(
        run.code == 2 && run.stderr.contains("paths in the file count from its folder"),
        "{run}"
    );
}

#[test]
fn what_says_nothing_is_an_error_with_the_next_step() {
    assert_snapshot!(Playground::new().run(["init"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: nothing in . says what the service is
    hint: name the folder with the package.json: `ringfence init FOLDER`
    hint: or say how the service is started: --command "node server.js"
    ---
    "#);
    let run = Playground::new().with("package.json", "{\"name\": \"x\"}").run(["init"]);
    assert!(run.code == 2 && run.stderr.contains("--command \"node server.js\""), "{run}");
    let shell = "{\"scripts\": {\"start\": \"tsc && node .\"}}";
    let run = Playground::new().with("package.json", shell).run(["init"]);
    assert!(run.code == 2 && run.stderr.contains("without a shell"), "{run}");
    let run = Playground::new().run(["init", "missing"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn what_a_command_really_granted_is_said_and_what_it_meant_is_written() {
    let command = "node --permission --allow-fs-read=/app,/etc/ssl/certs --allow-net=api.internal:443,redis.internal:6379 src/server.mjs";
    let playground = project().with("package.json", "{}");
    let run = playground.run(["init", "--command", command, "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let granted: Vec<&str> =
        told["granted"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(
        granted.iter().any(|one| one.contains("granted ALL network, in and out on Node 25 and 26")),
        "{run}"
    );
    assert!(granted.iter().any(|one| one.contains("granted nothing on Node 20 to 26")), "{run}");
    let draft = text(&playground);
    for line in ["\"/etc/ssl/certs\"", "\"api.internal:443\"", "\"redis.internal:6379\"", "# "] {
        assert!(draft.contains(line), "{line}: {draft}");
    }
    assert!(!draft.contains("--permission\""), "{draft}");
}

#[test]
fn broken_and_hostile_files_are_told_and_the_others_count() {
    let playground = project()
        .with("Dockerfile", "NOT A DOCKERFILE {{")
        .with("compose.yaml", "services:\n  web:\n\tbuild: .\n")
        .with("k8s/a.yaml", "kind: Deployment\nspec: {{ .Values.spec }}\n")
        .with("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
        .with("package-lock.json", "{")
        .with(".env", "no variable\nX=1\n");
    std::os::unix::fs::symlink("loop", playground.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", playground.path().join(".env.zero")).unwrap();
    let run = playground.run(["init"]);
    assert_eq!(run.code, 0, "{run}");
    for told in [
        "Dockerfile:1",
        "compose.yaml:3",
        "k8s/a.yaml:2: a template",
        "package-lock.json",
        ".env:1",
        ".env.zero: it is not an ordinary file",
    ] {
        assert!(run.stdout.contains(told), "{told}: {run}");
    }
    assert!(text(&playground).contains("\"X\",  # from .env:2"));
}

#[test]
fn no_secret_and_no_whole_project_is_granted() {
    let playground = Playground::new()
        .with("package.json", "{\"name\": \"x\"}")
        .with("server.js", "require('./lib/a'); require('./keys/k')\n")
        .with("lib/a.js", "")
        .with("keys/k.js", "")
        .with("keys/server.key", "-----BEGIN PRIVATE KEY-----")
        .with(".env", "A=1");
    let run = playground.run(["init", "--command", "/bin/true server.js"]);
    assert_eq!(run.code, 0, "{run}");
    let draft = text(&playground);
    assert!(draft.contains("\"./lib\"") && draft.contains("\"./keys/k.js\""), "{draft}");
    assert!(
        !draft.contains("\"./\"") && !draft.contains("server.key") && !draft.contains("\"./keys\""),
        "{draft}"
    );
}

/// Every value here begins with the same word, so that one search finds what is repeated anywhere.
#[test]
fn no_secret_of_a_command_or_a_variable_is_repeated_and_no_start_is_written_without_it() {
    const FIXED: &str = "FROM node:22\nWORKDIR /app\nENV PASSPHRASE2=hunter2pp DB_PASS=hunter2dp\nENV ADMIN=\"admin:hunter2admin\"\nENV DBPWD1=hunter2pwd MY_CREDENTIALS=hunter2cred HTTP_AUTH=hunter2auth\nENV REDIS=redis://:hunter2redis@cache:6379\nVOLUME /etc\n";
    const COMPOSE: &str = "services:\n  web:\n    build: .\n    command: [\"node\", \"server.js\", \"--pw=hunter2cc\"]\n";
    let in_docker = "CMD [\"node\",\"server.js\",\"--token=hunter2tok\",\"-phunter2p\",\"--secret\",\"hunter2sec\"]\n";
    for secret in [
        "--password=hunter2arg",
        "--api-key hunter2key",
        "--token hunter2token",
        "--secret hunter2secret",
        "postgres://u:hunter2url@db/x",
    ] {
        let start = format!("DB_PASSWORD=hunter2pw /bin/true server.js {secret}");
        let package = format!("{{\"name\": \"x\", \"scripts\": {{\"start\": \"{start}\"}}}}");
        let project = || {
            let playground = Playground::new().with("package.json", &package);
            let playground = playground.with("server.js", "").with("compose.yaml", COMPOSE);
            playground.with("Dockerfile", &format!("{FIXED}{in_docker}"))
        };
        let by_command = ["init", "--command", &start];
        for arguments in [
            &["init"][..],
            &["init", "--format", "json"],
            &["init", "--output", "-"],
            &by_command[..],
        ] {
            let playground = project();
            let run = playground.run(arguments.iter().copied());
            assert_eq!(run.code, 1, "{run}");
            assert!(!run.to_string().contains("hunter2"), "{run}");
            assert!(run.to_string().contains("looks like a secret"), "{run}");
            let Ok(draft) = std::fs::read_to_string(playground.path().join("ringfence.toml"))
            else {
                continue;
            };
            assert!(!draft.contains("hunter2"), "{draft}");
            assert!(draft.contains("# \"/etc\","), "the rest is still fitted: {draft}");
            assert!(draft.contains("# start = [\"/bin/true\", \"server.js\""), "{draft}");
            let checked = playground.run(["check-config", "--file-only"]);
            assert!(checked.code != 0 && checked.to_string().contains("`start`"), "{checked}");
        }
    }
}

/// Services of others, as they lie in this checkout: not installed, so only the file is checked.
#[test]
fn drafts_of_real_services_are_boundary_files() {
    let services = workspace::root().join("tests/node/services");
    let mut count = 0;
    for service in std::fs::read_dir(services).unwrap().flatten() {
        let boundary = service.path().join("ringfence.toml");
        let Ok(boundary) = std::fs::read_to_string(boundary) else { continue };
        let start = boundary.split_once("start = [").unwrap().1.split_once("]\n").unwrap().0;
        let words = start.replace(['"', '\n'], "").replace(',', " ").replace("${redis}", "6379");
        let playground = Playground::new();
        copy(&service.path(), &playground.path());
        let run = playground.run(["init", "--command", words.trim()]);
        assert!([0, 1].contains(&run.code), "{}: {run}", service.path().display());
        let checked = playground.run(["check-config", "--file-only"]);
        assert_eq!(checked.code, 0, "{}: {checked}", service.path().display());
        count += 1;
    }
    assert!(count >= 9, "{count}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "node_modules" {
            copy(&path, &to.join(name));
        } else if path.is_file() && name != "ringfence.toml" {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A service of this checkout is served under its draft as it is: no line is added by hand.
#[test]
fn a_drafted_service_serves_its_first_page() {
    let node = ringfence_tests::command::other("node").arg("--version").output();
    if !node.is_ok_and(|output| output.status.success()) {
        return ringfence_tests::not_run("node is not installed");
    }
    let server = "import { createServer, get } from 'node:http'\nimport { page } from './page.mjs'\nconst port = Number(process.env.PORT ?? 18577)\nconst server = createServer((_, answer) => answer.end(page()))\nserver.listen(port, '127.0.0.1', () => get({ port, host: '127.0.0.1' }, (answer) => answer.on('data', (data) => { console.log(String(data)); process.exit(0) })))\n";
    let package = "{\"name\": \"pages\", \"scripts\": {\"start\": \"node src/server.mjs\"}}";
    let playground = Playground::new()
        .with("package.json", package)
        .with("src/server.mjs", server)
        .with("src/page.mjs", "import { readFileSync } from 'node:fs'\nexport const page = () => readFileSync('views/page.html', 'utf8')\n")
        .with("views/page.html", "hello");
    let run = playground.run(["init"]);
    assert_eq!(run.code, 0, "{run}");
    let draft = text(&playground);
    assert!(draft.contains("127.0.0.1:18577") && draft.contains("\"./views\""), "{draft}");
    let run = playground.run(["run"]);
    if run.code == 125 && run.stderr.contains("layer") {
        return ringfence_tests::not_run("this host cannot enforce every layer");
    }
    assert_eq!((run.code, run.stdout.trim()), (0, "hello"), "{run}");
}
