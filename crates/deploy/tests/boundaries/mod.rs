//! The two boundaries that every target is held to: the example, and one with every kind of grant.

#![allow(dead_code, reason = "each test file uses what it needs")]

use ringfence_deploy::render::{self, Entry, Order, Rendered, Target};
use ringfence_policy::model::Boundary;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A boundary and what an order says of it.
pub(crate) struct Known {
    pub(crate) boundary: Boundary,
    folder: PathBuf,
}

/// Stands for a hash, so that a comment in the file changes no snapshot.
pub(crate) const HASH: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

/// `examples/orders`.
pub(crate) fn orders() -> Known {
    read("../../examples/orders/ringfence.toml")
}

/// Every kind of grant.
pub(crate) fn full() -> Known {
    read("testdata/full.toml")
}

/// Both.
pub(crate) fn both() -> [Known; 2] {
    [orders(), full()]
}

fn read(path: &str) -> Known {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).unwrap();
    let boundary = ringfence_policy::parse("ringfence.toml", &text).unwrap();
    Known { boundary, folder: path.parent().unwrap().to_owned() }
}

impl Known {
    pub(crate) fn order(&self, entry: Option<Entry>) -> Order<'_> {
        let mut order = Order::new(&self.boundary, HASH, "ringfence.toml", &self.folder);
        order.entry = entry;
        order
    }

    pub(crate) fn render(&self, target: Target, entry: Option<Entry>) -> Rendered {
        render::render(target, &self.order(entry)).unwrap()
    }
}

/// Everything of a target as one text.
pub(crate) fn whole(rendered: &Rendered) -> String {
    let mut text = String::new();
    for (path, content) in &rendered.files {
        let _ = write!(text, "---- {}\n{content}", path.display());
    }
    for note in &rendered.notes {
        let _ = writeln!(text, "note: {}: {}", note.grant, note.carried);
    }
    text
}
