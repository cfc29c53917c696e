//! Putting one value beside what is asked for.

use super::{Found, WORKLOADS};
use crate::drift::{Comparison, Drift};
use ringfence_project::yaml::{Document, Node};

/// What is asked of one value.
pub(super) struct Asked<'a> {
    /// Code of the drift.
    pub(super) code: &'static str,
    /// What the boundary asks for, in words or as the value.
    pub(super) wanted: &'a str,
    /// One sentence.
    pub(super) why: &'a str,
}

/// A comparison of one object.
pub(super) struct Check<'a> {
    name: String,
    document: &'a Document,
    comparison: &'a mut Comparison,
}

impl<'a> Check<'a> {
    pub(super) fn new(object: Found<'a>, comparison: &'a mut Comparison) -> Self {
        Self {
            name: format!("{} {}", object.kind, object.name),
            document: object.document,
            comparison,
        }
    }

    /// The kind of the object.
    pub(super) fn kind(&self) -> &str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// Path of the spec of its pods.
    pub(super) fn pod_path(&self) -> String {
        let kind = self.kind();
        let path =
            WORKLOADS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, path)| path);
        path.iter().copied().chain(["spec"]).collect::<Vec<_>>().join(".")
    }

    /// Judges the value at `path` below `parent`, which is at `at`. What is missing is judged by
    /// `ok(None)`.
    pub(super) fn value(
        &mut self,
        (parent, at): (&Node, &str),
        path: &str,
        asked: &Asked<'_>,
        ok: impl Fn(Option<&Node>) -> bool,
    ) {
        let (found, line) = locate(parent, path);
        self.judge(parent, &joined(at, path), found.zip(line), asked, ok);
    }

    /// Judges a value that was found already, with its line.
    pub(super) fn judge(
        &mut self,
        parent: &Node,
        place: &str,
        found: Option<(&Node, usize)>,
        asked: &Asked<'_>,
        ok: impl Fn(Option<&Node>) -> bool,
    ) {
        self.comparison.compared += 1;
        if ok(found.map(|(node, _)| node)) {
            return;
        }
        match found {
            Some((node, line)) if node.is_template() => {
                self.undecided(line, &format!("{place} is `{}`", node.shown()));
            }
            Some((node, line)) => self.report(place, Some(line), asked, node.shown()),
            None => match self.document.template_within(parent) {
                Some(line) => self.undecided(line, &format!("a template may write {place}")),
                None => self.report(place, None, asked, "nothing".to_owned()),
            },
        }
    }

    /// Reports what is weaker.
    pub(super) fn report(
        &mut self,
        place: &str,
        line: Option<usize>,
        asked: &Asked<'_>,
        found: String,
    ) {
        self.comparison.drifts.push(Drift {
            code: asked.code,
            place: format!("{}: {place}", self.name),
            line,
            wanted: asked.wanted.to_owned(),
            found,
            why: asked.why.to_owned(),
        });
    }

    /// Something was compared and is as it should be.
    pub(super) fn counted(&mut self) {
        self.comparison.compared += 1;
    }

    pub(super) fn undecided(&mut self, line: usize, what: &str) {
        self.comparison.undecided.push(format!("line {line}: {}: {what}", self.name));
    }
}

/// Follows `a.b[0].c`-like paths without lists: keys between dots. The line is that of the last key.
pub(super) fn locate<'n>(parent: &'n Node, path: &str) -> (Option<&'n Node>, Option<usize>) {
    let mut node = parent;
    let mut line = None;
    for key in path.split('.') {
        let Some(entry) = node.entry(key) else { return (None, None) };
        node = &entry.value;
        line = Some(entry.line);
    }
    if node.is_null() { (None, None) } else { (Some(node), line) }
}

pub(super) fn joined(at: &str, path: &str) -> String {
    if at.is_empty() { path.to_owned() } else { format!("{at}.{path}") }
}

/// The items of a list below `parent`, each with its place.
pub(super) fn items<'n>(parent: &'n Node, at: &str, key: &str) -> Vec<(&'n Node, String)> {
    let list = parent.get(key).and_then(Node::as_seq).unwrap_or_default();
    list.iter()
        .enumerate()
        .map(|(index, item)| (item, format!("{}[{index}]", joined(at, key))))
        .collect()
}
