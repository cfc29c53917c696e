//! A view from disk: made of a record, or one that a repository keeps.

use super::{SCHEMA, View, view};
use crate::record::{ReadError, Record};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest kept view, in bytes.
const MOST: u64 = 16 * 1024 * 1024;
/// Bytes that tell a kept view from a record.
const BEGINNING: usize = 4096;

/// Where a view came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A file of the repository.
    Kept,
    /// A record of a run.
    Record,
}

/// Why there is no view.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("cannot read {0}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is neither a record nor a kept view.
    #[error("neither a record nor a kept view of packages: {0}", path.display())]
    Neither {
        /// The file.
        path: PathBuf,
        /// What a view would need.
        source: Option<serde_json::Error>,
    },
    /// A later ringfence wrote it.
    #[error("the view has schema {schema}, this program reads {SCHEMA}: {0}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
    /// It is a record that cannot be used.
    #[error(transparent)]
    Record(#[from] ReadError),
}

/// The view of a record, or the kept one.
///
/// # Errors
/// The file cannot be read or is neither.
pub fn read(path: &Path) -> Result<(View, Source), BaselineError> {
    let failed = |source| BaselineError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(BaselineError::Neither { path: path.to_owned(), source: None });
    }
    let mut start = Vec::new();
    file.by_ref().take(BEGINNING as u64).read_to_end(&mut start).map_err(failed)?;
    if !is_kept(&start) {
        return match Record::read(path) {
            Ok(record) => Ok((view(&record), Source::Record)),
            Err(ReadError::NotARecord { path }) => {
                Err(BaselineError::Neither { path, source: None })
            }
            Err(error) => Err(error.into()),
        };
    }
    let mut text = start;
    file.take(MOST).read_to_end(&mut text).map_err(failed)?;
    let newer = |schema| BaselineError::Newer { path: path.to_owned(), schema };
    if let Ok(Schema { schema }) = serde_json::from_slice(&text)
        && schema > SCHEMA
    {
        return Err(newer(schema));
    }
    let kept = serde_json::from_slice(&text)
        .map_err(|error| BaselineError::Neither { path: path.to_owned(), source: Some(error) })?;
    Ok((kept, Source::Kept))
}

#[derive(serde::Deserialize)]
struct Schema {
    schema: u32,
}

/// A record is lines of objects with a `kind`; a kept view is one object whose first name is another.
fn is_kept(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let rest = text.trim_start().strip_prefix('{').map(str::trim_start);
    rest.is_some_and(|rest| !rest.starts_with("\"kind\""))
}
