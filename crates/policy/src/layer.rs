//! The layers of enforcement and the answer each gives.
//!
//! A layer never decides alone whether a start is allowed: it says what it found, and
//! `boundary::enforce` holds the answers against what the boundary requires.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One mechanism that enforces part of a boundary.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The supervisor's socket broker.
    Broker,
    /// Control groups: memory, processes, CPU.
    Cgroup,
    /// The environment the service receives.
    Environment,
    /// User, group and supplementary groups.
    Identity,
    /// Landlock file and network rules and scopes.
    Landlock,
    /// User, mount, pid, ipc, uts, cgroup and net namespaces.
    Namespaces,
    /// Node's own permission flags.
    NodeFlags,
    /// Resource limits of the process.
    Rlimits,
    /// The system call filter.
    Seccomp,
}

impl Layer {
    /// Every layer, outside in.
    pub const ALL: [Self; 9] = [
        Self::Environment,
        Self::Identity,
        Self::Namespaces,
        Self::Cgroup,
        Self::Rlimits,
        Self::Landlock,
        Self::Seccomp,
        Self::Broker,
        Self::NodeFlags,
    ];

    /// The id used in files and output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Cgroup => "cgroup",
            Self::Environment => "environment",
            Self::Identity => "identity",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
            Self::NodeFlags => "node-flags",
            Self::Rlimits => "rlimits",
            Self::Seccomp => "seccomp",
        }
    }

    /// The layer with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.id() == id)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What a layer answers when it is asked to enforce a boundary on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing of it is in force.
    Absent(String),
    /// All that the boundary asks of this layer is in force.
    Enforced,
    /// The boundary asks nothing of this layer.
    NotNeeded,
    /// Part of it is in force; the reason says what is not.
    Partial(String),
}
