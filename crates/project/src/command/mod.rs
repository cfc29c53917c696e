//! Commands as people write them: in a script of `package.json`, in a Dockerfile, on a command line.
//!
//! [`split`] reads a plain command and refuses everything that needs a shell, because a boundary
//! starts a program and never a shell. [`NodeCommand`] takes Node's own options apart, and
//! [`NodeCommand::reality`] says what its permission flags really granted on each version of Node.
//! [`redact`] takes out what looks like a secret before a command is shown or written anywhere.

mod node;
mod reality;
mod redact;
mod words;

pub use node::{NodeCommand, Permission, PermissionFlag, is_node};
pub use reality::VERSIONS;
pub use redact::{REDACTED, redact};
pub use words::{Plain, ShellError, split};
