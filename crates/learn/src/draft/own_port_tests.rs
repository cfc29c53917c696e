//! What a program asks of itself.

use super::testing::{Seen, boundary};
use crate::record::{Capability, Feature, Transport};

#[test]
fn a_port_that_was_asked_before_the_run_listened_there_is_its_own() {
    for at in ["127.0.0.1:3000", "0.0.0.0:3000", "[::]:3000"] {
        let seen = Seen::new(&[]).connect("127.0.0.1:3000", false).listen(at, Transport::Tcp);
        let lines = seen.lines();
        assert!(!lines.iter().any(|line| line.starts_with("net.connect")), "{at}: {lines:?}");
        // It asked whether the port is free: the listener is for others.
        assert!(lines.iter().any(|line| line.starts_with("net.listen")), "{at}: {lines:?}");
    }
    // The controls: another port, and another protocol.
    for (at, transport) in [("127.0.0.1:3001", Transport::Tcp), ("127.0.0.1:3000", Transport::Udp)]
    {
        let lines = Seen::new(&[]).connect("127.0.0.1:3000", false).listen(at, transport).lines();
        assert!(lines.contains(&"net.connect = [\"127.0.0.1:3000\"]".to_owned()), "{lines:?}");
    }
}

#[test]
fn who_looked_a_name_up_or_listed_all_variables_is_named() {
    let seen = Seen::new(&[])
        .asked(Capability::Lookup, "data.evil.example")
        .asked(Capability::Env, "*")
        .feature(Feature::WholeEnvironment);
    let draft = seen.draft_with(None);
    let text = |code| draft.notes.iter().find(|note| note.code == code).unwrap().text.clone();
    for (code, begins) in [
        (
            "looked-up-alone",
            "data.evil.example was looked up by pkg 1.0.0 (node_modules/pkg/index.js:3) and",
        ),
        (
            "whole-environment",
            "all variables are listed by pkg 1.0.0 (node_modules/pkg/index.js:3): ",
        ),
    ] {
        assert!(text(code).starts_with(begins), "{}", text(code));
    }
    assert!(!seen.lines().iter().any(|line| line.contains('*')), "{:?}", seen.lines());
    let view = crate::packages::view(&seen.record());
    let names = &view.packages["pkg"].uses[&crate::packages::Ability::Names];
    assert_eq!(names.iter().collect::<Vec<_>>(), ["data.evil.example"]);
    let before = crate::packages::view(&Seen::new(&[]).asked(Capability::Env, "*").record());
    let found = crate::packages::compare(&before, &view);
    assert_eq!(found.findings.iter().map(|one| one.code).collect::<Vec<_>>(), ["new-name"]);
    // The control: a name that the same package connects to is a connection.
    let connects = seen.asked(Capability::Connect, "data.evil.example:443").record();
    let uses = crate::packages::view(&connects).packages["pkg"].uses.clone();
    assert!(!uses.contains_key(&crate::packages::Ability::Names));
}

#[test]
fn a_program_that_asks_for_every_address_and_gets_loopback_is_told() {
    let seen = Seen::new(&[]).listen("0.0.0.0:3000", Transport::Tcp);
    let told = |file: &str| {
        let draft = seen.draft_with(Some(&boundary(file)));
        draft.notes.iter().any(|note| note.code == "listens-wider")
    };
    assert!(told("[net]\nlisten = [\"127.0.0.1:3000\"]\n"));
    assert!(!told("[net]\nlisten = [\"0.0.0.0:3000\"]\n"));
}

#[test]
fn files_below_one_folder_of_tmp_are_one_finding() {
    let seen =
        Seen::new(&[]).read(&["/tmp/cache/a", "/tmp/cache/v1/b", "/tmp/cache/v1/c", "/tmp/alone"]);
    let codes = seen.codes();
    assert_eq!(codes.iter().filter(|code| **code == "file-in-tmp").count(), 2, "{codes:?}");
}
