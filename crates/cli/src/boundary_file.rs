//! A boundary file, read and parsed: where every verb that works on one begins.

use crate::error::CommandError;
use crate::settings::{ConfigOption, Source};
use ringfence_policy::model::Boundary;

/// A boundary and the text it was read from.
#[derive(Debug)]
pub(crate) struct BoundaryFile {
    /// Path and text.
    pub(crate) source: Source,
    /// What it says.
    pub(crate) boundary: Boundary,
}

impl BoundaryFile {
    /// Finds, reads and parses the file a verb works on.
    pub(crate) fn load(option: &ConfigOption) -> Result<Self, CommandError> {
        let source = option.read()?;
        match ringfence_policy::parse(&source.path.to_string_lossy(), &source.text) {
            Ok(boundary) => Ok(Self { source, boundary }),
            Err(diagnostics) => Err(CommandError::diagnosed(&source.path, diagnostics)),
        }
    }
}
