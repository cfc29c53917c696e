//! What is written for each target, as a whole: a change shows in review.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test ends where it cannot go on"
)]

mod boundaries;

use boundaries::{both, full, orders, whole};
use insta::assert_snapshot;
use ringfence_deploy::render::{Entry, Target};

#[test]
fn node_is_written_as_it_was_reviewed() {
    assert_snapshot!("node-orders", whole(&orders().render(Target::Node, None)));
    assert_snapshot!("node-full", whole(&full().render(Target::Node, None)));
}

#[test]
fn units_are_written_as_they_were_reviewed() {
    for (name, entry) in [("ringfence", None), ("node", Some(Entry::Node))] {
        assert_snapshot!(
            format!("systemd-orders-{name}"),
            whole(&orders().render(Target::Systemd, entry))
        );
        assert_snapshot!(
            format!("systemd-full-{name}"),
            whole(&full().render(Target::Systemd, entry))
        );
    }
}

/// A bundle whose filter is that of the other snapshots.
fn bundle(known: &boundaries::Known, entry: Option<Entry>) -> String {
    let mut rendered = known.render(Target::Oci, entry);
    let mut config: serde_json::Value = serde_json::from_str(&rendered.files[0].1).unwrap();
    let filter = config["linux"]["seccomp"].take();
    let entry = entry.unwrap_or(Entry::Ringfence);
    let profile = ringfence_deploy::render::seccomp::profile(entry).unwrap();
    assert_eq!(filter, serde_json::to_value(profile).unwrap());
    rendered.files[0].1 = serde_json::to_string_pretty(&config).unwrap() + "\n";
    whole(&rendered)
}

#[test]
fn bundles_are_written_as_they_were_reviewed() {
    for (name, entry) in [("ringfence", None), ("node", Some(Entry::Node))] {
        assert_snapshot!(format!("oci-orders-{name}"), bundle(&orders(), entry));
        assert_snapshot!(format!("oci-full-{name}"), bundle(&full(), entry));
    }
}

#[test]
fn seccomp_profiles_are_written_as_they_were_reviewed() {
    assert_snapshot!("seccomp-ringfence", whole(&orders().render(Target::Seccomp, None)));
    assert_snapshot!("seccomp-node", whole(&full().render(Target::Seccomp, Some(Entry::Node))));
}

#[test]
fn the_same_boundary_is_written_the_same_way_twice() {
    for known in both() {
        for target in [Target::Node, Target::Systemd, Target::Oci, Target::Seccomp] {
            let once = known.render(target, None);
            assert_eq!(once, known.render(target, None));
            let marked = |(_, text): &(_, String)| {
                text.contains("ringfence render ") && text.contains(boundaries::HASH)
            };
            assert!(once.files.iter().all(marked), "{target:?}");
        }
    }
}

#[test]
fn with_node_alone_no_grant_of_the_network_is_said_to_be_held() {
    let notes = full().render(Target::Node, None).notes;
    for grant in [
        "net.connect \"api.internal:443\"",
        "net.listen \"0.0.0.0:8080\"",
        "process.children",
        "limits.memory",
    ] {
        let note = notes.iter().find(|note| note.grant.starts_with(grant)).unwrap();
        assert!(note.carried.contains("NOT enforced"), "{note:?}");
    }
}

#[test]
fn flags_are_written_one_per_path_and_never_with_a_host() {
    let text = whole(&full().render(Target::Node, None));
    assert!(!text.contains("--allow-net="));
    for line in text.lines().filter(|line| line.trim_start().starts_with("--allow-fs-")) {
        assert!(!line.contains(','), "{line}");
    }
    // 22 and 24 do not know the flag and would not start: the script says what to leave out.
    assert!(text.contains("# Node 24.21.0 and before: without --allow-net"), "{text}");
}
