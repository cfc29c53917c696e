//! `ringfence drift`: what is weaker, at which line, and how that ends.

use insta::assert_snapshot;
use ringfence_tests::command::Playground;
use serde_json::Value;
use std::fs;

/// A folder with what was rendered for a target.
fn rendered(target: &str) -> Playground {
    let playground = Playground::new().with("ringfence.toml", crate::SMALLEST);
    let run = playground.run(["render", target, "--out", "out", "--entry", "node"]);
    assert_eq!(run.code, 0, "{run}");
    playground
}

fn change(playground: &Playground, name: &str, from: &str, to: &str) {
    let path = playground.path().join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// What a person reads, without the number of things that were compared: each key more is one more.
pub(crate) fn shown(run: &impl std::fmt::Display) -> String {
    let text = run.to_string();
    let Some((before, behind)) = text.split_once(" compared\n") else { return text };
    let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
    format!("{before}[number] compared\n{behind}")
}

#[test]
fn what_was_rendered_is_compared_without_a_finding() {
    for target in ["node", "systemd", "oci", "seccomp"] {
        let run = rendered(target).run(["drift", "out"]);
        assert_eq!(run.code, 0, "{target}: {run}");
        assert!(run.stdout.starts_with("nothing is weaker than the boundary: "), "{run}");
    }
}

#[test]
fn what_is_weaker_is_named_with_its_line_and_why() {
    let playground = rendered("systemd");
    change(&playground, "out/orders.service", "ProtectSystem=strict", "ProtectSystem=full");
    change(&playground, "out/orders.service", "PrivateTmp=yes\n", "");
    let run = playground.run(["drift", "out/orders.service"]);
    assert_snapshot!(shown(&run), @r"
    exit: 1
    --- stdout
    writable-system out/orders.service:31
        ProtectSystem
        wanted strict, found full
        the service can write where the boundary grants nothing
    shared-tmp out/orders.service
        PrivateTmp
        wanted yes, found nothing
        the host's /tmp is shared with every other user

    2 weaker than the boundary: [number] compared
    --- stderr
    ---
    ");
    let run = playground.run(["drift", "out", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &told["schema"]), (1, &1.into()));
    assert_eq!(told["drifts"][0]["code"], "writable-system");
    assert_eq!(told["drifts"][1]["line"], Value::Null);
    let run = playground.run(["drift", "out", "--format", "markdown"]);
    assert!(
        run.stdout.contains("| shared-tmp | out/orders.service | PrivateTmp | yes | nothing<br>"),
        "{run}"
    );
}

#[test]
fn what_cannot_be_compared_is_no_clean_result() {
    let playground =
        rendered("systemd").with("notes.txt", "remember the milk\n").with("empty/.keep", "");
    for (file, words) in [
        ("notes.txt", "notes.txt is neither a manifest"),
        ("missing.service", "cannot read missing.service"),
        ("empty", "nothing of a known kind is in empty"),
    ] {
        let run = playground.run(["drift", file]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(words), "{run}");
    }
    let other = playground.with("sshd.service", "[Service]\nExecStart=/usr/sbin/sshd\n");
    let run = other.run(["drift", "sshd.service"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("nothing in it is of the service `orders`"), "{run}");
    assert_eq!(other.run(["drift"]).code, 2);
    assert_eq!(other.run(["drift", "a", "--pid", "1"]).code, 2);
    assert_eq!(other.run(["drift", "--pid", "0"]).code, 2);
}

#[test]
fn a_drop_in_in_the_folder_counts() {
    let playground =
        rendered("systemd").with("out/orders.service.d/debug.conf", "[Service]\nUser=root\n");
    let run = playground.run(["drift", "out"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("runs-as-root"), "{run}");
}

#[test]
fn a_script_of_package_json_is_compared() {
    let text = "{\n  \"scripts\": {\n    \"test\": \"node --test\",\n    \"start\": \"NODE_OPTIONS=--no-permission node \
                --permission --allow-fs-read=* --allow-net server.mjs\"\n  }\n}\n";
    let playground =
        Playground::new().with("ringfence.toml", crate::SMALLEST).with("package.json", text);
    let run = playground.run(["drift", "package.json", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let drifts = told["drifts"].as_array().unwrap();
    let codes: Vec<&str> = drifts.iter().map(|drift| drift["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["code-from-environment", "more-files", "more-permissions"]);
    assert!(drifts.iter().all(|drift| drift["line"] == 4), "{run}");
}

#[test]
fn a_folder_is_looked_through_with_its_subfolders_and_what_is_passed_over_is_named() {
    let playground = rendered("systemd")
        .with("deploy/README.md", "start it with node --permission\n")
        .with("deploy/a/b/package.json", "{\"scripts\": {\"start\": \"node x.js\"}}")
        .with("deploy/node_modules/x/x.service", "[Service]\nUser=root\n");
    let unit = fs::read_to_string(playground.path().join("out/orders.service")).unwrap();
    let playground = playground.with("deploy/a/b/orders.service", &unit);
    std::os::unix::fs::symlink("..", playground.path().join("deploy/up")).unwrap();
    let run = playground.run(["drift", "deploy"]);
    assert_snapshot!(shown(&run), @r"
    exit: 0
    --- stdout
    not looked at: 3 files (deploy/README.md, deploy/a/b/package.json,
        deploy/up)

    nothing is weaker than the boundary: [number] compared
    --- stderr
    ---
    ");
    change(&playground, "deploy/a/b/orders.service", "ProtectSystem=strict", "ProtectSystem=full");
    let run = playground.run(["drift", "deploy", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &told["drifts"][0]["code"]), (1, &"writable-system".into()), "{run}");
    assert_eq!(told["not_looked_at"].as_array().map(Vec::len), Some(3), "{run}");
    let run = playground.run(["drift", "deploy/node_modules/x"]);
    assert_eq!(run.code, 2, "nothing of the service is no clean result: {run}");
}

#[test]
fn the_drop_ins_beside_a_unit_that_is_named_count() {
    let playground = rendered("systemd")
        .with("out/orders.service.d/debug.conf", "[Service]\nUser=root\n")
        .with("out/orders.service.d/README", "[Service]\nPrivateTmp=no\n");
    let run = playground.run(["drift", "out/orders.service"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("runs-as-root"), "{run}");
    assert!(!run.stdout.contains("shared-tmp"), "{run}");
    fs::remove_file(playground.path().join("out/orders.service.d/debug.conf")).unwrap();
    assert_eq!(playground.run(["drift", "out/orders.service"]).code, 0);
}

#[test]
fn a_service_of_another_name_is_known_by_where_it_is_built_or_named() {
    let of = |services: &str| {
        let text = format!("services:\n{services}");
        Playground::new()
            .with("ringfence.toml", crate::SMALLEST)
            .with("compose.yaml", &text)
            .with("sub/a.js", "")
    };
    for services in [
        "  web:\n    build: .\n  db:\n    build: ./db\n",
        "  web:\n    build: {context: .., dockerfile: a/../Dockerfile}\n    image: x\n  db:\n    image: y\n",
        "  db:\n    image: y\n  web:\n    build: ./elsewhere\n",
    ] {
        let run = of(services).run(["drift", "compose.yaml"]);
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stdout.contains("services.web.") && !run.stdout.contains("services.db."),
            "{run}"
        );
    }
    let playground = of("  web:\n    image: x\n  db:\n    image: y\n");
    let run = playground.run(["drift", "compose.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(
        run.stderr.contains("hint: found web, db: name the one that is meant with --service NAME"),
        "{run}"
    );
    let run = playground.run(["drift", "compose.yaml", "--service", "web"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("services.web."), "{run}");
    let run = playground.run(["drift", "compose.yaml", "--service", "shop"]);
    assert_eq!(run.code, 2, "{run}");
}
