//! Lockfiles that are broken, half there, made to exhaust a reader or to pass for another one.
//!
//! A lockfile is read or refused; what must never happen is a smaller set of packages than the whole
//! file has, and nobody who hears of it.

#[path = "deps/lockfiles.rs"]
mod lockfiles;

use lockfiles::{FORMS, Form};
use ringfence_project::graph::{Graph, GraphError, Manifest};
use std::collections::BTreeSet;

fn read(form: &Form, text: &str) -> Result<BTreeSet<String>, GraphError> {
    let manifest = form.manifest.map(|text| Manifest { folder: "", text });
    let graph = Graph::read(form.file, text, manifest.as_slice())?;
    Ok(graph.packages.iter().map(ringfence_project::graph::Package::label).collect())
}

#[test]
fn half_a_lockfile_is_an_error_or_has_every_package() {
    for form in FORMS {
        let whole = read(form, form.text).unwrap_or_else(|error| panic!("{}: {error}", form.name));
        assert_eq!(whole.len(), form.packages, "{}: {whole:?}", form.name);
        let mut short = BTreeSet::new();
        for at in (0..form.text.len()).filter(|at| form.text.is_char_boundary(*at)) {
            let half = &form.text[..at];
            if let Ok(found) = read(form, half)
                && found != whole
            {
                // An end of line counts as the end of the line before it.
                short.insert(half.trim_end().lines().count());
            }
        }
        let short: Vec<usize> = short.into_iter().collect();
        assert_eq!(short, form.short, "{}: cut behind these lines, it passes for less", form.name);
    }
}
