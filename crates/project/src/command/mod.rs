//! Commands as people write them: in a script of `package.json`, in a Dockerfile, on a command line.
//!
//! [`split`] reads a plain command and refuses everything that needs a shell, because a boundary
//! starts a program and never a shell. [`NodeCommand`] takes Node's own options apart, and
//! [`NodeCommand::reality`] says what its permission flags really granted on each version of Node.

mod node;
mod reality;
mod words;

pub use node::{NodeCommand, Permission, PermissionFlag, is_node};
pub use reality::VERSIONS;
pub use words::{Plain, ShellError, split};
