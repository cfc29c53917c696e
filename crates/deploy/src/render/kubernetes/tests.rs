//! What is written for a cluster.

use super::*;
use ringfence_policy::model::Boundary;
use std::path::Path;

/// Renders a boundary file of this repository.
fn rendered(file: &str, change: impl FnOnce(&mut Order<'_>)) -> Rendered {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let boundary: Boundary = ringfence_policy::parse("ringfence.toml", &text).unwrap();
    let mut order = Order::new(&boundary, "0123", "ringfence.toml", path.parent().unwrap());
    change(&mut order);
    render(&order).unwrap()
}

#[test]
fn the_example_as_it_is_written() {
    insta::assert_snapshot!(rendered("../../examples/orders/ringfence.toml", |_| ()).files[0].1);
}

#[test]
fn every_grant_as_it_is_written() {
    insta::assert_snapshot!(
        rendered("testdata/full.toml", |order| {
            order.image = Some("registry.example/billing@sha256:00ff");
            order.runtime_class = Some("gvisor");
        })
        .files[0]
            .1
    );
}

#[test]
fn a_listener_on_loopback_is_refused_around_ringfence_with_the_line_that_works() {
    let text =
        "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[net]\nlisten = [";
    let decided = |listen: &str| {
        let boundary = ringfence_policy::parse("r.toml", &format!("{text}{listen}]\n")).unwrap();
        let mut order = Order::new(&boundary, "0", "r.toml", Path::new("/nowhere"));
        order.entry = Some(Entry::Ringfence);
        render(&order)
    };
    let Err(RenderError::Impossible { hint, .. }) = decided("\"127.0.0.1:8080\", \"[::1]:81\"")
    else {
        panic!()
    };
    assert_eq!(
        hint,
        "write net.listen = [\"0.0.0.0:8080\", \"[::]:81\"] in the cluster's boundary"
    );
    decided("\"0.0.0.0:8080\"").unwrap();
}

#[test]
fn dollar_signs_reach_the_program_as_they_are() {
    for (word, written) in
        [("$A", "$A"), ("$(A)", "$$(A)"), ("$$", "$$$$"), ("a$$(B)c$", "a$$$$(B)c$")]
    {
        assert_eq!(super::command::escaped(word), written);
    }
}
