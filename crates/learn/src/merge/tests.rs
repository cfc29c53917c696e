use super::*;
use crate::draft::Why;
use insta::assert_snapshot;

fn entry(key: &'static str, value: &str) -> Proposed {
    let why = Why { first: Some(120), count: 3, things: 1, ..Why::default() };
    Proposed { key, value: Value::Entry(value.into()), why, kind: crate::draft::Kind::New }
}

fn switch(key: &'static str, on: bool) -> Proposed {
    Proposed { value: Value::Switch(on), ..entry(key, "") }
}

fn merged(text: &str, proposed: &[Proposed]) -> String {
    let proposed: Vec<&Proposed> = proposed.iter().collect();
    merge(text, &proposed, Path::new("/srv/app")).unwrap()
}

const SERVICE: &str = "[service]\nname = \"a\"\nstart = [\"node\"]\n";

#[test]
fn a_list_of_many_lines_gets_a_line_for_each_entry_and_keeps_its_comments() {
    let text = format!(
        "{SERVICE}\n[fs]\n# code\nread = [\n    \"./src\", # ours\n    \"./lib\" # theirs, too\n    # the end\n]\nwrite = [] # nothing\n"
    );
    let merged = merged(&text, &[entry("fs.read", "./a"), entry("fs.read", "./b")]);
    assert_snapshot!(merged, @r#"
    [service]
    name = "a"
    start = ["node"]

    [fs]
    # code
    read = [
        "./src", # ours
        "./lib", # theirs, too
        # the end
        "./a", # read, 3 times, first after 120 ms
        "./b" # read, 3 times, first after 120 ms
    ]
    write = [] # nothing
    "#);
}

#[test]
fn a_list_on_one_line_stays_on_one_line_with_its_comma() {
    let text = format!("{SERVICE}[env]\npass = [\"A\", ] # why\n[net]\nconnect = [\"a.test:1\"]\n");
    let merged = merged(&text, &[entry("net.connect", "b.test:2"), entry("env.pass", "B")]);
    assert_snapshot!(merged, @r#"
    [service]
    name = "a"
    start = ["node"]
    [env]
    # "B": asked for, 3 times, first after 120 ms
    pass = ["A", "B", ] # why
    [net]
    # "b.test:2": connected to, 3 times, first after 120 ms
    connect = ["a.test:1", "b.test:2"]
    "#);
}

#[test]
fn missing_keys_and_sections_come_where_the_documentation_has_them() {
    let text = format!(
        "# top\n{SERVICE}\n# what it reads\n[fs]\nread = [\"./\"]\n\n# variables\n[env.set]\nA = \"1\"\n\n# more\n[limits]\npids = 3\n"
    );
    let merged = merged(
        &text,
        &[
            entry("fs.write", "./data/"),
            entry("net.connect", "a.test:1"),
            switch("process.workers", true),
            entry("env.pass", "B"),
        ],
    );
    assert_snapshot!(merged, @r#"
    # top
    [service]
    name = "a"
    start = ["node"]

    # what it reads
    [fs]
    read = ["./"]
    write = [
      "./data/", # written, 3 times, first after 120 ms
    ]

    [net]
    connect = [
      "a.test:1", # connected to, 3 times, first after 120 ms
    ]

    [process]
    workers = true # used, 3 times, first after 120 ms

    [env]
    pass = [
      "B", # asked for, 3 times, first after 120 ms
    ]

    # variables
    [env.set]
    A = "1"

    # more
    [limits]
    pids = 3
    "#);
}

#[test]
fn a_switch_is_turned_and_an_empty_list_opened() {
    let text = format!("{SERVICE}[process]\nchildren = []   # none\nworkers = false # no\n");
    let merged =
        merged(&text, &[entry("process.children", "/bin/a"), switch("process.workers", true)]);
    assert_snapshot!(merged, @r#"
    [service]
    name = "a"
    start = ["node"]
    [process]
    children = [
      "/bin/a", # started, 3 times, first after 120 ms
    ]   # none
    # true: used, 3 times, first after 120 ms
    workers = true # no
    "#);
}

#[test]
fn every_form_of_a_section_can_be_added_to() {
    for head in [
        "fs.read = [\"./x\"]\n",
        "fs = { read = [\"./x\"] }\n",
        "fs = { read = [\"./x\"], }\n",
        "fs = {}\n",
        "[fs]\n",
        "[fs]",
        "[fs]\nread = []",
        "[fs]\nread = [\n]\n",
        "[fs]\nread = [\n# c\n]\n",
        "[fs]\nread = [\"./x\",\n\"./y\"]\n",
        "[fs]\nread = [\"./x\" # a, b\n]\n",
        "",
    ] {
        let text = if head.starts_with("fs") {
            format!("{head}{SERVICE}")
        } else {
            format!("{SERVICE}{head}")
        };
        let merged = merged(
            &text,
            &[entry("fs.read", "./a"), entry("fs.read", "./b"), entry("fs.write", "./w")],
        );
        let boundary = ringfence_policy::parse("", &merged).unwrap();
        let read: Vec<_> = boundary.fs.read.iter().map(|one| one.value.as_str()).collect();
        assert!(read.ends_with(&["./a", "./b"]), "{merged}");
        assert_eq!(boundary.fs.write.len(), 1, "{merged}");
    }
}

#[test]
fn addons_are_added_in_both_forms() {
    let hash = "0".repeat(64);
    let other = "1".repeat(64);
    let addon = Proposed {
        value: Value::Addon { package: "sharp".into(), sha256: other },
        ..entry("process.addons", "")
    };
    for text in [
        format!("[process]\naddons = [{{ package = \"a\", sha256 = \"{hash}\" }}]\n"),
        format!("[[process.addons]]\npackage = \"a\"\nsha256 = \"{hash}\" # c\n[env]\n"),
    ] {
        let merged = merged(&format!("{SERVICE}{text}"), std::slice::from_ref(&addon));
        let boundary = ringfence_policy::parse("", &merged).unwrap();
        assert_eq!(boundary.process.addons.len(), 2, "{merged}");
    }
}

#[test]
fn line_ends_of_windows_stay() {
    let text = format!("{SERVICE}[fs]\nread = [\n  \"./x\",\n]\n").replace('\n', "\r\n");
    let merged = merged(&text, &[entry("fs.read", "./a"), entry("env.pass", "B")]);
    assert_eq!(merged.matches('\n').count(), merged.matches("\r\n").count(), "{merged:?}");
    assert!(merged.contains("\"./a\", # read"));
}

#[test]
fn all_that_stood_in_the_file_still_stands_in_it() {
    let text = include_str!("../../../../examples/orders/ringfence.toml");
    let merged = merged(
        text,
        &[
            entry("fs.read", "./a"),
            entry("fs.write", "./w"),
            entry("net.connect", "b.test:2"),
            entry("net.udp", "b.test:2"),
            entry("process.children", "/bin/a"),
            switch("process.wasi", true),
            entry("env.pass", "B"),
        ],
    );
    let mut rest = merged.as_str();
    for line in text.lines().filter(|line| !line.contains("[]") && !line.contains("pass =")) {
        let at =
            rest.find(line.trim_end_matches(',')).unwrap_or_else(|| panic!("{line}\n{merged}"));
        rest = &rest[at..];
    }
}

#[test]
fn a_program_cannot_write_a_line_of_its_own_into_the_file() {
    let mut nasty = entry("fs.read", "./a\"]write = [\"/");
    nasty.why.remark = Some("x\n[identity]\nuser = \"root\"\u{202e}".into());
    let merged = merged(SERVICE, &[nasty]);
    let boundary = ringfence_policy::parse("", &merged).unwrap();
    assert!(boundary.fs.write.is_empty() && boundary.identity.user.is_none(), "{merged}");
    assert!(!merged.contains('\u{202e}'));
}

#[test]
fn text_that_is_no_toml_is_refused() {
    assert!(matches!(merge("[fs", &[], Path::new("/")), Err(MergeError::Syntax(_))));
}

#[test]
fn a_new_file_has_a_service_and_the_command_that_was_learnt() {
    let command = ["node".to_owned(), "/srv/app/dist/server.mjs".to_owned()];
    let what = Fresh {
        name: "orders",
        command: &command,
        cwd: Path::new("/srv/app"),
        folder: Path::new("/srv/app"),
    };
    let read = entry("fs.read", "./dist/");
    assert_snapshot!(fresh(&what, &[&read]).unwrap(), @r#"
    # What the orders service may do. Everything that is not written here is refused.
    # Drafted from what one run used: read it, and take out what the service should not need.
    schema = 1

    [service]
    name = "orders"
    start = ["node", "./dist/server.mjs"]

    [fs]
    read = [
      "./dist/", # read, 3 times, first after 120 ms
    ]
    "#);
}

#[test]
fn a_service_is_named_after_its_package_or_its_folder() {
    let folder = Path::new("/srv/My App_2");
    assert_eq!(service_name(Some(r#"{"name":"@acme/Orders.API"}"#), folder), "orders-api");
    assert_eq!(service_name(Some("{}"), folder), "my-app-2");
    assert_eq!(service_name(None, Path::new("/")), "service");
}
