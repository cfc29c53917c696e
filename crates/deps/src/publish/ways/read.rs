//! Workflows as data: jobs, steps, and what they may do, each with its line.

use super::LARGEST;
use ringfence_project::walk;
use ringfence_project::yaml::{self, Kind, Node};
use std::path::Path;

/// Why a workflow cannot be read: nobody knows then how the package is published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct WorkflowError {
    /// The file.
    pub file: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Why not: lower case, no period.
    pub why: String,
}

/// A value with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// A step of a job.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) uses: Option<(String, usize)>,
    pub(super) run: Option<(String, usize)>,
    pub(super) with: Vec<Set>,
    pub(super) env: Vec<Set>,
}

/// A job.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) permissions: Option<Permissions>,
    pub(super) has_environment: bool,
    pub(super) runs_on: String,
    /// Another workflow that it is.
    pub(super) uses: Option<(String, usize)>,
    pub(super) env: Vec<Set>,
    /// What it hands to another workflow.
    pub(super) secrets: Vec<Set>,
    pub(super) steps: Vec<Step>,
}

/// `permissions:`
#[derive(Debug, Clone, Default)]
pub(super) struct Permissions {
    pub(super) line: usize,
    /// `write-all`, `read-all`
    pub(super) all: Option<String>,
    pub(super) each: Vec<Set>,
}

/// A workflow, or a pipeline.
#[derive(Debug, Clone, Default)]
pub(super) struct Workflow {
    pub(super) file: String,
    pub(super) triggers: Vec<(String, usize)>,
    pub(super) permissions: Option<Permissions>,
    pub(super) env: Vec<Set>,
    pub(super) jobs: Vec<Job>,
}

impl Permissions {
    fn of(node: &Node) -> Self {
        let line = node.line();
        match node.kind() {
            Kind::Map(_) => Self { line, all: None, each: sets(Some(node)) },
            Kind::Null => Self { line, ..Self::default() },
            _ => Self { line, all: Some(node.shown()), each: Vec::new() },
        }
    }

    /// Whether it grants writing of something.
    pub(super) fn writes(&self, what: &str) -> bool {
        let named = self.each.iter().any(|set| set.key == what && set.value == "write");
        named || self.all.as_deref() == Some("write-all")
    }
}

impl Step {
    /// A value of `with`.
    pub(super) fn with(&self, key: &str) -> Option<&Set> {
        self.with.iter().find(|set| set.key.eq_ignore_ascii_case(key))
    }

    /// The action, without what stands behind `@`.
    pub(super) fn action(&self) -> &str {
        let uses = self.uses.as_ref().map_or("", |(uses, _)| uses.as_str());
        uses.split('@').next().unwrap_or(uses)
    }

    pub(super) fn script(&self) -> &str {
        self.run.as_ref().map_or("", |(run, _)| run.as_str())
    }
}

fn sets(node: Option<&Node>) -> Vec<Set> {
    let entries = node.and_then(Node::as_map).unwrap_or_default();
    let set = |entry: &yaml::Entry| Set {
        key: entry.key.clone(),
        value: entry.value.shown(),
        line: entry.line,
    };
    entries.iter().map(set).collect()
}

fn placed(node: Option<&Node>) -> Option<(String, usize)> {
    node.map(|node| (node.shown(), node.line()))
}

fn root(path: &Path, file: &str) -> Result<Option<Node>, WorkflowError> {
    let failed = |line: usize, why: String| WorkflowError { file: file.to_owned(), line, why };
    let text = walk::text(path, LARGEST).map_err(|error| failed(1, error.to_string()))?;
    // What stands between double braces is an expression there, and text for a reader of YAML.
    let text = text.replace("${{", "$<<").replace("}}", ">>");
    let documents = yaml::documents(&text).map_err(|error| failed(error.line, error.what))?;
    Ok(documents.into_iter().next().map(|document| document.root))
}

/// Reads a workflow of GitHub. Expressions stand in it as `$<<...>>`.
pub(super) fn github(path: &Path, file: &str) -> Result<Workflow, WorkflowError> {
    let Some(root) = root(path, file)? else {
        return Ok(Workflow { file: file.to_owned(), ..Workflow::default() });
    };
    let jobs = root.get("jobs").and_then(Node::as_map).unwrap_or_default();
    Ok(Workflow {
        file: file.to_owned(),
        triggers: triggers(&root),
        permissions: root.get("permissions").map(Permissions::of),
        env: sets(root.get("env")),
        jobs: jobs.iter().map(job).collect(),
    })
}

fn triggers(root: &Node) -> Vec<(String, usize)> {
    let Some(on) = root.get("on").or_else(|| root.get("true")) else { return Vec::new() };
    match on.kind() {
        Kind::Map(entries) => entries.iter().map(|one| (one.key.clone(), one.line)).collect(),
        Kind::Seq(items) => items.iter().map(|item| (item.shown(), item.line())).collect(),
        _ => vec![(on.shown(), on.line())],
    }
}

fn job(entry: &yaml::Entry) -> Job {
    let node = &entry.value;
    let steps = node.get("steps").and_then(Node::as_seq).unwrap_or_default();
    Job {
        name: entry.key.clone(),
        line: entry.line,
        permissions: node.get("permissions").map(Permissions::of),
        has_environment: node.get("environment").is_some_and(|node| !node.is_null()),
        runs_on: node.get("runs-on").map(Node::shown).unwrap_or_default(),
        uses: placed(node.get("uses")),
        env: sets(node.get("env")),
        secrets: match node.get("secrets") {
            Some(all) if all.as_map().is_none() => {
                vec![Set { key: "secrets".to_owned(), value: all.shown(), line: all.line() }]
            }
            all => sets(all),
        },
        steps: steps.iter().map(step).collect(),
    }
}

fn step(node: &Node) -> Step {
    Step {
        line: node.line(),
        uses: placed(node.get("uses")),
        run: placed(node.get("run")),
        with: sets(node.get("with")),
        env: sets(node.get("env")),
    }
}

/// Reads a pipeline of `GitLab`: each job with its scripts as one step.
pub(super) fn gitlab(path: &Path, file: &str) -> Result<Workflow, WorkflowError> {
    let Some(root) = root(path, file)? else {
        return Ok(Workflow { file: file.to_owned(), ..Workflow::default() });
    };
    let is_job = |entry: &&yaml::Entry| entry.value.get("script").is_some();
    let jobs = root.as_map().unwrap_or_default().iter().filter(is_job).map(|entry| {
        let node = &entry.value;
        let scripts = [("before_script", &root), ("before_script", node), ("script", node)];
        let lines = scripts.iter().filter_map(|(key, node)| node.get(key));
        let text: Vec<String> = lines.map(joined).collect();
        let line = node.get("script").map_or(entry.line, Node::line);
        let mut step = Step { line, run: Some((text.join("\n"), line)), ..Step::default() };
        step.env = sets(node.get("variables"));
        step.with = sets(node.get("id_tokens"));
        if let Some(cache) = node.get("cache").or_else(|| root.get("cache")) {
            step.with.push(Set {
                key: "cache".to_owned(),
                value: "set".to_owned(),
                line: cache.line(),
            });
        }
        Job { name: entry.key.clone(), line: entry.line, steps: vec![step], ..Job::default() }
    });
    Ok(Workflow {
        file: file.to_owned(),
        env: sets(root.get("variables")),
        jobs: jobs.collect(),
        ..Workflow::default()
    })
}

fn joined(node: &Node) -> String {
    match node.kind() {
        Kind::Seq(items) => items.iter().map(joined).collect::<Vec<_>>().join("\n"),
        _ => node.shown(),
    }
}
