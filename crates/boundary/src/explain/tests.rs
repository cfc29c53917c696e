//! What is promised of events, and of texts that need more of a boundary than the recorded cases.

use super::{Context, Explanation, Host, Look, NoHost, Report, Setting, explain};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::Refusal;

const FILE: &str = "schema = 1
[service]
name = \"a\"
start = [\"/usr/bin/node\", \"src/main.mjs\"]
cwd = \"./\"
[fs]
read = [\"./src\", \"./cfg\"]
droppable = [\"./cfg\"]
[net]
connect = [\"prices.internal:28609\"]
[secrets.signing-key]
from = \"file:./signing-key\"
to = \"/run/secrets/signing-key\"
";

fn with<T>(ask: impl FnOnce(&Context<'_>) -> T) -> T {
    let boundary = ringfence_policy::parse("ringfence.toml", FILE).unwrap();
    let setting =
        Setting { path: "ringfence.toml", text: FILE, boundary: &boundary, folder: "/srv/app" };
    ask(&Context { setting: Some(setting), host: &NoHost })
}

fn text(text: &str) -> Explanation {
    with(|context| explain(text, context)).explanations.into_iter().next().unwrap()
}

fn events(events: impl IntoIterator<Item = Event>) -> Report {
    with(|context| super::events(events.into_iter().map(|event| (0, event)), context))
}

fn denial(layer: Layer, action: Action, resource: &str, missing: Option<&str>) -> Event {
    Event::new(Kind::Denial, "t", "a", layer, action, resource).refused(Refusal {
        reason: "no grant names it".into(),
        missing_grant: missing.map(str::to_owned),
    })
}

fn lines(explanation: &Explanation) -> Vec<String> {
    explanation.grants().iter().map(super::Grant::line).collect()
}

#[test]
fn a_relative_path_counts_from_the_working_directory() {
    let found = text(
        "Error: Access to this API has been restricted {\n  code: 'ERR_ACCESS_DENIED',\n  \
         permission: 'FileSystemRead',\n  resource: 'templates/a.txt'\n}",
    );
    assert_eq!(lines(&found), ["fs.read = [\"./templates/a.txt\"]"]);
    let mut event = denial(Layer::NodeFlags, Action::Open, "templates/a.txt", None);
    event.permission = Some("FileSystemRead".into());
    assert_eq!(lines(&events([event]).explanations[0]), ["fs.read = [\"./templates/a.txt\"]"]);
}

#[test]
fn an_address_that_stands_for_a_name_is_never_granted() {
    let line = "net.connect = [\"prices.internal:28602\"]";
    let event = denial(Layer::Broker, Action::Connect, "198.18.0.2:28602", Some(line));
    let found = events([event]).explanations.remove(0);
    assert_eq!((found.code.id(), lines(&found)), ("port-not-granted", vec![line.to_owned()]));
    assert!(!found.cause.contains("198.18") && !found.seen.contains("198.18"), "{found:?}");
    for resource in ["198.18.0.2:28602", "[fd52:6e67::2]:28602"] {
        for action in [Action::Connect, Action::UdpSend] {
            let own = format!("net.connect = [\"{resource}\"]");
            for missing in [None, Some(own.as_str())] {
                let report = events([denial(Layer::Broker, action, resource, missing)]);
                assert!(!report.lines.contains("198.18") && !report.lines.contains("fd52"));
            }
        }
        let told = format!(
            "Error: connect ERR_ACCESS_DENIED {resource} is not granted by the boundary {{\n  \
             code: 'ERR_ACCESS_DENIED',\n  permission: 'Net',\n  resource: '{resource}',\n  \
             missingGrant: '{line}'\n}}"
        );
        assert_eq!(lines(&text(&told)), [line]);
    }
}

#[test]
fn what_was_dropped_while_the_service_ran_is_told_as_that() {
    for (told, confidence) in [
        ("Error: EACCES: permission denied, open '/run/secrets/signing-key'", "likely"),
        ("Error: EACCES: permission denied, open '/srv/app/cfg/a.json'", "likely"),
        (
            "Error: getaddrinfo ERR_ACCESS_DENIED prices.internal is not granted by the boundary",
            "likely",
        ),
        (
            "Error: connect ERR_ACCESS_DENIED \"a.internal:1\" was dropped while the service ran",
            "certain",
        ),
        ("node-net: prices.internal was dropped while the service ran", "certain"),
    ] {
        let found = text(told);
        let caused =
            format!("{told} {{\n  [cause]: Error: getaddrinfo ENOTFOUND prices.internal\n}}");
        let of_all = with(|context| explain(&caused, context)).explanations;
        assert!(!told.contains("ERR_") || of_all.len() == 1, "{of_all:?}");
        let answer = (found.code.id(), found.confidence.id(), found.layer.is_some());
        assert_eq!(answer, ("dropped-at-runtime", confidence, true), "{told}");
    }
    let other = text("Error: EACCES: permission denied, open '/srv/app/src/a.json'");
    assert_eq!(other.code.id(), "file-permission");
}

#[test]
fn a_refusal_by_the_boundary_is_never_nobodys() {
    for told in [
        "Error: getaddrinfo ERR_ACCESS_DENIED evil.test is not granted by the boundary",
        "Error: connect ERR_ACCESS_DENIED 10.1.1.1:80 is not granted by the boundary",
        "Error: connect ERR_ACCESS_DENIED prices.internal:28609 is not granted by the boundary",
        "Error: connect ERR_ACCESS_DENIED /run/x.sock is not granted by the boundary",
        "Error: listen ERR_ACCESS_DENIED 127.0.0.1:80 is not granted by the boundary",
        "Error: getaddrinfo ERR_ACCESS_DENIED a b is not granted by the boundary",
        "Error: getaddrinfo ERR_ACCESS_DENIED http://x/ is not granted by the boundary",
        "Error: is not granted by the boundary {\n  code: 'ERR_ACCESS_DENIED',\n  permission: 'Net'\n}",
    ] {
        assert_eq!(text(told).layer, Some(Layer::Broker), "{told}");
    }
}

#[test]
fn a_denial_after_a_drop_comes_of_the_drop() {
    let dropped = |what: &str| {
        let mut event = Event::new(Kind::Dropped, "t", "a", Layer::Broker, Action::Drop, what);
        event.reason = "dropped, and 1 connection taken away".into();
        event
    };
    let asked = || denial(Layer::Broker, Action::Resolve, "prices.internal", None);
    for what in ["net.connect prices.internal:28609", "net prices.internal", "net"] {
        let report = events([dropped(what), asked()]);
        let codes: Vec<&str> = report.explanations.iter().map(|one| one.code.id()).collect();
        assert_eq!(codes, ["dropped-at-runtime", "dropped-at-runtime"], "{what}");
        assert!(report.explanations[0].cause.contains("1 connection taken away"));
    }
    for what in ["net.connect other.internal:1", "fs.read /srv/app/cfg", "secret signing-key"] {
        let report = events([dropped(what), asked()]);
        assert_eq!(report.explanations[1].code.id(), "name-not-granted", "{what}");
    }
    let open = denial(Layer::NodeFlags, Action::Open, "/run/secrets/signing-key", None);
    let report = events([dropped("secret signing-key"), open]);
    assert_eq!(report.explanations[1].code.id(), "dropped-at-runtime");
    // What came before it has another reason.
    let report = events([asked(), dropped("net")]);
    assert_eq!(report.explanations[0].code.id(), "name-not-granted");
}

#[test]
fn a_name_without_its_port_is_told_with_what_to_write() {
    let mut event = denial(Layer::Broker, Action::Resolve, "other.test", None);
    event.reason = "no grant names other.test; it is granted with the port".into();
    let told = format!("{:?}", events([event]).explanations.remove(0));
    assert!(told.contains("other.test:PORT") && !told.contains("no grant can allow it"), "{told}");
}

#[test]
fn a_failure_of_ringfence_itself_is_told() {
    let mut event = Event::new(Kind::Error, "t", "a", Layer::Broker, Action::Drop, "net a:1");
    event.reason = "a connection survived".into();
    event.code = Some("drop-incomplete".into());
    let found = events([event]).explanations.remove(0);
    assert_eq!(found.code.id(), "ringfence-error");
    assert!(found.cause.contains("a connection survived"));
}

#[test]
fn an_event_without_a_resource_is_a_sentence() {
    let found = events([denial(Layer::NodeFlags, Action::Worker, "", None)]).explanations.remove(0);
    assert_eq!(found.cause, "the service was refused: a worker thread: no grant names it");
}

#[test]
fn a_message_of_ringfence_itself_is_told_once_with_its_hint() {
    let told = "error: ringfence.toml:3:10: the script is not granted: /srv/app/x.mjs\n  |\n3 | start = \
                [\"node\", \"x.mjs\"]\n  |                 ^^^^^^\nhint: add \"./\" to fs.read\n";
    let mut event = Event::new(Kind::Error, "t", "a", Layer::Environment, Action::Start, "a");
    event.reason = "ringfence.toml:3:10: the script is not granted: /srv/app/x.mjs".into();
    event.code = Some("configuration".into());
    for text in [told.to_owned(), format!("{told}{}\n", event.to_json_line())] {
        let report = with(|context| explain(&text, context));
        assert_eq!(report.explanations.len(), 1, "{:?}", report.explanations);
        let found = &report.explanations[0];
        assert_eq!((found.code.id(), found.confidence.id()), ("ringfence-error", "certain"));
        let super::Advice::Other { what } = &found.advice else { panic!("{:?}", found.advice) };
        assert_eq!(what, "add \"./\" to fs.read");
    }
    let alone = text("error: cannot ask the service\nhint: ask as root");
    assert_eq!((alone.code.id(), alone.confidence.id()), ("ringfence-error", "likely"));
    // A database's error is none of ours.
    assert!(
        with(|context| explain("error: relation \"x\" does not exist", context))
            .explanations
            .iter()
            .all(|found| found.code.id() != "ringfence-error")
    );
}

#[test]
fn the_services_own_code_is_never_granted_for_writing() {
    for path in ["/srv/app/src/out.log", "/srv/app/src", "src/out.log"] {
        let line = "fs.write = [\"/srv/app/src\"]";
        let event = denial(Layer::Landlock, Action::Change, path, Some(line));
        let report = events([event]);
        assert_eq!(
            (report.explanations[0].code.id(), report.lines.as_str()),
            ("system-folder", "")
        );
        let found = text(&format!("Error: EROFS: read-only file system, open '{path}'"));
        assert_eq!((found.code.id(), lines(&found).len()), ("system-folder", 0), "{path}");
    }
    // A folder beside it may be, and is written as the file writes its own.
    let event = denial(Layer::Landlock, Action::Change, "/srv/app/uploads/a", None);
    assert_eq!(lines(&events([event]).explanations[0]), ["fs.write = [\"./uploads\"]"]);
    let found = text("Error: EROFS: read-only file system, open '/srv/app/uploads/a'");
    assert_eq!(lines(&found), ["fs.write = [\"./uploads\"]"]);
}

/// A folder of uploads that belongs to root, for a service of another user.
struct Uploads;

impl Host for Uploads {
    fn look(&self, path: &str) -> Look {
        if "/srv/app/uploads".starts_with(path) { Look::Folder } else { Look::Missing }
    }

    fn owner(&self, _: &str) -> Option<u32> {
        Some(0)
    }

    fn user(&self) -> Option<u32> {
        Some(65534)
    }
}

#[test]
fn a_file_that_cannot_be_made_is_told_by_its_folder() {
    let file = FILE.replace("read = [", "write = [\"./uploads\"]\nread = [");
    let boundary = ringfence_policy::parse("ringfence.toml", &file).unwrap();
    let setting =
        Setting { path: "ringfence.toml", text: &file, boundary: &boundary, folder: "/srv/app" };
    let context = Context { setting: Some(setting), host: &Uploads };
    let text = "Error: EACCES: permission denied, open '/srv/app/uploads/a.png'";
    let found = explain(text, &context).explanations.remove(0);
    assert_eq!(
        found.cause,
        "the folder /srv/app/uploads belongs to root, the service runs as 65534"
    );
    let super::Advice::Other { what } = &found.advice else { panic!("{:?}", found.advice) };
    assert!(what.starts_with("chown 65534 /srv/app/uploads"), "{what}");
}

#[test]
fn calls_that_node_switches_off_have_advice_that_fits() {
    for (told, advice) in [
        ("fsync API is disabled when Permission Model is enabled.", "power failure"),
        ("fdatasync API is disabled when Permission Model is enabled.", "power failure"),
        ("fchmod API is disabled when Permission Model is enabled.", "fs.chmod"),
        ("fs.symlink API requires full fs.read and fs.write permissions.", "make links when"),
    ] {
        let found = text(&format!("Error [ERR_ACCESS_DENIED]: {told}"));
        let super::Advice::Other { what } = &found.advice else { panic!("{:?}", found.advice) };
        assert!(what.contains(advice) && what.contains("process.node-flags = false"), "{what}");
    }
}

#[test]
fn a_project_below_tmp_is_not_the_tmp_of_the_service() {
    let boundary = ringfence_policy::parse("ringfence.toml", FILE).unwrap();
    let setting =
        Setting { path: "ringfence.toml", text: FILE, boundary: &boundary, folder: "/tmp/app" };
    let context = Context { setting: Some(setting), host: &NoHost };
    let grants = |path: &str| {
        let event = denial(Layer::Namespaces, Action::Change, path, None);
        lines(&super::events([(1, event)], &context).explanations[0])
    };
    assert_eq!(grants("/tmp/app/./uploads/a"), ["fs.write = [\"./uploads\"]"]);
    assert_eq!(grants("/tmp/other/a"), [""; 0]);
}
