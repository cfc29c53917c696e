//! Why a boundary cannot be carried out on this host, at the place of the file that asks for it.
//!
//! Each step has its own error type next to its code; this one adds the span and the kind that
//! decides the exit code, so the command line can point at line and column.

use super::addons::AddonError;
use super::environment::EnvironmentError;
use super::grants::GrantError;
use super::identity::IdentityError;
use super::program::ProgramError;
use super::secrets::SecretError;
use crate::node::NodeError;
use std::fmt;
use std::ops::Range;

/// What the failure is about; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The file, the command or a source it names: exit code 2.
    Configuration,
    /// This host or this caller cannot give what is asked: exit code 3.
    Host,
}

/// One reason a boundary cannot be resolved.
#[derive(Debug)]
pub struct ResolveError {
    /// Bytes of the boundary file; empty when the value was not read from it.
    pub span: Range<usize>,
    /// The step that failed.
    pub step: Step,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)
    }
}

impl std::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.step.source()
    }
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Step {
    /// `[process] addons`
    #[error(transparent)]
    Addon(#[from] AddonError),
    /// `[env]`
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// `[fs]`, `[net] unix`, `cwd`
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// `[identity]`
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The version and flags of Node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// `start`, `children`
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// `[secrets]`
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl ResolveError {
    /// An error at a place of the file.
    pub(crate) fn at(span: &Range<usize>, step: impl Into<Step>) -> Self {
        Self { span: span.clone(), step: step.into() }
    }

    /// What the failure is about.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match &self.step {
            Step::Identity(error) => error.kind(),
            Step::Addon(_)
            | Step::Environment(_)
            | Step::Grant(_)
            | Step::Node(_)
            | Step::Program(_)
            | Step::Secret(_) => Kind::Configuration,
        }
    }

    /// What to do about it, one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.step {
            Step::Addon(error) => error.hint(),
            Step::Environment(error) => error.hint(),
            Step::Grant(error) => error.hint(),
            Step::Identity(error) => error.hint(),
            Step::Node(error) => error.hint(),
            Step::Program(error) => error.hint(),
            Step::Secret(error) => error.hint(),
        }
    }
}
