//! What is written for the example, for a boundary with everything in it, and for one with nothing.

use super::*;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn written(text: &str, folder: &Path, entry: Entry) -> String {
    let boundary = ringfence_policy::parse("ringfence.toml", text).unwrap();
    let mut order = Order::new(&boundary, "0123abcd", "ringfence.toml", folder);
    order.entry = Some(entry);
    render(&order).unwrap().files.remove(0).1
}

#[test]
fn the_example_in_compose() {
    let folder = root().join("examples/orders");
    let text = std::fs::read_to_string(folder.join("ringfence.toml")).unwrap();
    insta::assert_snapshot!("orders", written(&text, &folder, Entry::Ringfence));
    insta::assert_snapshot!("orders-node", written(&text, &folder, Entry::Node));
}

#[test]
fn a_boundary_with_everything_in_compose() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join("crates/deploy/testdata/full.toml")).unwrap();
    insta::assert_snapshot!("full", written(&text, folder.path(), Entry::Ringfence));
    insta::assert_snapshot!("full-node", written(&text, folder.path(), Entry::Node));
}

#[test]
fn without_grants_of_the_network_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n";
    let written = written(text, folder.path(), Entry::Node);
    assert!(written.contains("network_mode: none"), "{written}");
    assert!(!written.contains("ports:"), "{written}");
}

#[test]
fn a_service_that_only_listens_cannot_get_answers_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[net]\n\
                listen = [\"[::]:80\"]\n";
    let written = written(text, folder.path(), Entry::Node);
    assert!(written.contains("enable_ip_masquerade: \"false\""), "{written}");
    assert!(written.contains("[::]:80:80/tcp"), "{written}");
}

#[test]
fn a_secret_of_a_variable_gets_the_name_that_the_service_reads() {
    let folder = tempfile::tempdir().unwrap();
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[secrets.api-token]\n\
                from = \"env:OUTER_TOKEN\"\nas = \"env\"\n";
    let boundary = ringfence_policy::parse("r.toml", text).unwrap();
    let Delivery::Environment(to) = &boundary.secrets[0].delivery else { panic!() };
    let inside = written(text, folder.path(), Entry::Ringfence);
    assert!(inside.contains("OUTER_TOKEN: null"), "{inside}");
    let bare = written(text, folder.path(), Entry::Node);
    let wanted = if to == "OUTER_TOKEN" {
        "OUTER_TOKEN: null".to_owned()
    } else {
        format!("{to}: \"${{OUTER_TOKEN}}\"")
    };
    assert!(bare.contains(&wanted), "{wanted}: {bare}");
}

#[test]
fn control_groups_are_spoken_of_only_where_ringfence_would_have_to_make_them() {
    let folder = tempfile::tempdir().unwrap();
    let start = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n";
    for (more, told) in [
        ("", false),
        ("[limits]\nopen-files = 64\n", false),
        ("[limits]\npids = 64\n", true),
        ("[limits]\npids = 64\n[require]\nlayers = [\"cgroup\"]\n", true),
        ("[limits]\npids = 64\n[require]\nlayers = [\"broker\"]\n", false),
        ("[require]\nlayers = [\"cgroup\"]\n", false),
    ] {
        let boundary = ringfence_policy::parse("r.toml", &format!("{start}{more}")).unwrap();
        let order = Order::new(&boundary, "0", "r.toml", folder.path());
        for target in [Target::Compose, Target::Dockerfile, Target::Oci] {
            let notes = crate::render::render(target, &order).unwrap().notes;
            let found = notes.iter().any(|note| note.carried.contains("control groups"));
            assert_eq!(found, told, "{target:?}: {more}");
        }
    }
}
