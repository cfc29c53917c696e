//! Where probes run: inside a boundary, and outside of any.
//!
//! The battery asks for errands and reads what they print; it does not know how a boundary is made.

use super::probe::Setting;
use ringfence_policy::layer::{Answer, Layer};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::time::Duration;

/// A program to run once, on either side.
#[derive(Debug, Clone)]
pub struct Errand {
    /// Which program.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its standard input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub deadline: Duration,
}

/// The programs of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// This binary, whose hidden verb runs native acts.
    Battery,
    /// The Node of the boundary, as `run` starts it.
    Node,
    /// The Node of the boundary without its permission flags, as if they had been got around.
    NodeWithoutFlags,
}

/// What a layer answered in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerAnswer {
    /// Id of the layer.
    pub layer: String,
    /// `enforced`, `partial`, `absent` or `not-needed`.
    pub state: String,
    /// What is missing, for `partial` and `absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl LayerAnswer {
    /// From the answer of enforcement.
    #[must_use]
    pub fn of(layer: Layer, answer: &Answer) -> Self {
        let (state, why) = match answer {
            Answer::Absent(why) => ("absent", Some(why.clone())),
            Answer::Enforced => ("enforced", None),
            Answer::NotNeeded => ("not-needed", None),
            Answer::Partial(why) => ("partial", Some(why.clone())),
        };
        Self { layer: layer.id().to_owned(), state: state.to_owned(), why }
    }
}

/// What an errand left.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The end of what it complained about, at most 2000 bytes.
    pub stderr: String,
    /// Exit code, 128 and a signal, or `None` when it was still running at its deadline.
    pub exit: Option<i32>,
    /// What was in force; empty outside.
    pub layers: Vec<LayerAnswer>,
}

/// Why an errand could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// The boundary could not be enforced.
    #[error("the boundary cannot be enforced: {message}")]
    Enforce {
        /// In the words of enforcement.
        message: String,
        /// Whether this host lacks something (exit code 3), as opposed to a mistake.
        host: bool,
    },
    /// The boundary does not fit this host with the battery as its program.
    #[error("the boundary does not resolve with the battery as its program: {0}")]
    Resolve(String),
    /// A process or file for the run could not be made.
    #[error("{what}: {errno}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        errno: ringfence_sys::Errno,
    },
}

/// Both sides of a boundary.
pub trait Arena {
    /// Runs an errand inside.
    ///
    /// # Errors
    /// It could not be started.
    fn inside(&self, errand: &Errand, setting: Setting) -> Result<Output, ArenaError>;

    /// Runs an errand outside, as the user of `prove`.
    ///
    /// # Errors
    /// It could not be started.
    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError>;
}
