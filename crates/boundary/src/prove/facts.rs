//! What the battery has to know about a boundary to attack it fairly: what is granted (so that a
//! canary never lies there), who the service is, what its limits are.

use super::arena::LayerAnswer;
use crate::plan::{Access, NodeRuntime, Plan, ViewEntry};
use ringfence_policy::layer::{Answer, Layer};
use ringfence_policy::model::{Limits, Network};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Facts about one resolved boundary.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The boundary file.
    pub boundary_file: PathBuf,
    /// The script the service starts, where its program is an interpreter.
    pub entrypoint: Option<PathBuf>,
    /// Granted objects and what may be done with each.
    pub granted: Vec<(PathBuf, Access)>,
    /// Executables the service may start.
    pub children: Vec<PathBuf>,
    /// Network grants.
    pub network: Arc<Network>,
    /// Limits.
    pub limits: Limits,
    /// User, group and supplementary groups of the service.
    pub identity: (u32, u32, Vec<u32>),
    /// Whether the service runs as another user than `prove`.
    pub switches_user: bool,
    /// The Node it runs on.
    pub node: Option<NodeRuntime>,
    /// What Node's flags answer for the boundary's own program, whatever an attack runs instead.
    pub node_answer: Answer,
    /// Files that secrets are read from.
    pub secret_sources: Vec<PathBuf>,
}

impl Facts {
    /// The facts of a plan; `boundary_file` and `secret_sources` are not in it.
    #[must_use]
    pub fn of(plan: &Plan, boundary_file: PathBuf, secret_sources: Vec<PathBuf>) -> Self {
        let granted = plan.view.iter().filter_map(|entry| match entry {
            ViewEntry::Bind { source, access, .. } => Some((source.clone(), *access)),
            _ => None,
        });
        let script = plan.program.argv.iter().skip(1).map(|argument| plan.cwd.join(argument));
        Self {
            boundary_file,
            entrypoint: script.into_iter().find(|path| path.is_file()),
            granted: granted.collect(),
            children: plan.children.clone(),
            network: Arc::clone(&plan.network),
            limits: plan.limits.clone(),
            identity: (plan.identity.uid, plan.identity.gid, plan.identity.groups.clone()),
            switches_user: plan.identity.switch,
            node: plan.program.node.clone(),
            node_answer: plan.node_answer.clone(),
            secret_sources,
        }
    }

    /// What a layer answers for the boundary's own program, from its answer in a run of an attack:
    /// an attack that is not Node needs none of Node's flags.
    pub(super) fn of_own_program(&self, answer: &LayerAnswer) -> LayerAnswer {
        if answer.layer == Layer::NodeFlags.id() {
            LayerAnswer::of(Layer::NodeFlags, &self.node_answer)
        } else {
            answer.clone()
        }
    }

    /// Whether a grant covers reading `path`.
    #[must_use]
    pub fn may_read(&self, path: &Path) -> bool {
        self.granted.iter().any(|(grant, _)| path.starts_with(grant))
    }

    /// Whether a grant covers writing `path`.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        let mut writable = self.granted.iter().filter(|(_, access)| *access == Access::Write);
        writable.any(|(grant, _)| path.starts_with(grant))
    }
}
