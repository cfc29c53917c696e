//! `ringfence run --trace`: what the kernel refuses alone is told too, and nothing else is.

use ringfence_tests::command::{Playground, Run, other};
use serde_json::Value;

const FILE: &str = "schema = 1\n[service]\nname = \"traced\"\nstart = [\"/bin/true\"]\n[fs]\nread = [\"./app\"]\nwrite = [\"./data\"]\n[process]\nchildren = [\"/bin/cat\", \"/bin/mkdir\", \"/bin/mv\", \"/bin/rm\"]\n";
/// Looks at what is hidden, writes to what is read-only, and does what is granted.
const SCRIPT: &str = "/bin/cat hidden/key; echo x >> app/config; /bin/mkdir app/new; \
    /bin/mv data/kept app/moved; /bin/rm app/config; /bin/cat app/missing; echo x > data/written; \
    /bin/cat data/written app/config; echo x > /tmp/own";

fn playground() -> Playground {
    Playground::new()
        .with("ringfence.toml", FILE)
        .with("hidden/key", "key\n")
        .with("app/config", "config\n")
        .with("data/kept", "kept\n")
}

/// The events of a run; `None` where the host refuses the whole start.
fn events(playground: &Playground, arguments: &[&str]) -> Option<(Run, Vec<Value>)> {
    let path = playground.path();
    let _ = other("chmod").arg("-R").arg("a+rwX").arg(&path).status();
    let command = ["run", "--events", "events.jsonl"].iter().chain(arguments);
    let run = playground.run(command.chain(&["--", "/bin/sh", "-c", SCRIPT]));
    if run.code == 125 && run.stderr.contains("this host cannot give it") {
        ringfence_tests::not_run("this host cannot enforce a boundary");
        return None;
    }
    let text = std::fs::read_to_string(path.join("events.jsonl")).unwrap_or_default();
    Some((run, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
}

#[test]
fn refused_accesses_to_files_are_events_with_the_grant_that_is_missing() {
    let playground = playground();
    let Some((run, events)) = events(&playground, &["--trace"]) else { return };
    let folder = playground.path();
    let told: Vec<(String, String, String)> = events
        .iter()
        .filter(|event| event["resource"].as_str().unwrap().starts_with(folder.to_str().unwrap()))
        .map(|event| {
            assert_eq!((&event["kind"], &event["layer"]), (&"denial".into(), &"namespaces".into()));
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let plain = |key| text(key).replace(folder.to_str().unwrap(), "[DIR]");
            (text("action"), plain("resource"), plain("missing_grant"))
        })
        .collect();
    let expected = [
        ("open", "[DIR]/hidden/key", "fs.read = [\"[DIR]/hidden/key\"]"),
        ("change", "[DIR]/app/config", "fs.write = [\"[DIR]/app\"]"),
        ("change", "[DIR]/app/new", "fs.write = [\"[DIR]/app\"]"),
        ("change", "[DIR]/app/moved", "fs.write = [\"[DIR]/app\"]"),
    ];
    for (action, resource, grant) in expected {
        let wanted = (action.to_owned(), resource.to_owned(), grant.to_owned());
        assert!(told.contains(&wanted), "{wanted:?} is not in {told:#?}\n{run}");
    }
    for granted in ["data/written", "app/missing"] {
        assert!(!told.iter().any(|(_, resource, _)| resource.ends_with(granted)), "{told:#?}");
    }
    let library = ["/etc/host.conf", "/etc/ld.so.preload", "/usr/share/locale", "/usr/lib/locale"];
    let noise = events.iter().map(|event| event["resource"].as_str().unwrap());
    let noise: Vec<&str> =
        noise.filter(|path| library.iter().any(|own| path.starts_with(own))).collect();
    assert!(noise.is_empty(), "the C library's own look-ups are told: {noise:?}");
    let own =
        events.iter().any(|event| event["resource"].as_str().unwrap().starts_with("/tmp/own"));
    assert!(!own, "{events:#?}");
}

#[test]
fn tracing_changes_nothing_of_what_the_service_may_do() {
    let (traced, plain) = (playground(), playground());
    let Some((with, _)) = events(&traced, &["--trace"]) else { return };
    let Some((without, told)) = events(&plain, &[]) else { return };
    assert_eq!(
        (with.code, with.stdout, with.stderr),
        (without.code, without.stdout, without.stderr)
    );
    assert!(told.is_empty(), "without --trace the kernel's refusals are no events: {told:?}");
}
