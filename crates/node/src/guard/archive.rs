//! Archives of others, extracted whole or not at all.

use super::{code, refused};
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use ringfence_guard::archive::{ArchiveError, Extraction, Limits, Summary};
use std::fs::File;

/// How much an archive may be.
#[napi(object)]
pub struct ArchiveLimits {
    /// Bytes after inflating.
    pub bytes: f64,
    /// Files and folders.
    pub entries: u32,
    /// Bytes after inflating for each byte before.
    pub ratio: u32,
    /// Names in a path.
    pub depth: u32,
    /// Names that are taken away from the front of each path.
    pub strip: u32,
}

/// What was extracted.
#[napi(object)]
pub struct ArchiveSummary {
    /// `zip`, `tar`, `tar.gz` or `tar.zst`.
    pub format: String,
    /// Plain files.
    pub files: f64,
    /// Folders.
    pub folders: f64,
    /// Bytes in the files.
    pub bytes: f64,
}

/// An extraction on the thread pool.
pub struct ExtractTask {
    archive: String,
    destination: String,
    extraction: Extraction,
}

/// Extracts an archive to a folder that is not there yet, or empty.
#[napi]
pub fn guard_extract(
    archive: String,
    destination: String,
    limits: ArchiveLimits,
) -> AsyncTask<ExtractTask> {
    let bounds = Limits {
        bytes: whole(limits.bytes),
        entries: limits.entries.into(),
        ratio: limits.ratio.into(),
        depth: limits.depth as usize,
    };
    let extraction = Extraction::new(bounds).with_strip(limits.strip as usize);
    AsyncTask::new(ExtractTask { archive, destination, extraction })
}

impl Task for ExtractTask {
    type Output = Summary;
    type JsValue = ArchiveSummary;

    fn compute(&mut self) -> Result<Summary> {
        let archive = File::open(&self.archive)
            .map_err(|error| refused(code(error.kind()), "the archive cannot be opened"))?;
        self.extraction.extract(archive, &self.destination, &mut |_| {}).map_err(told)
    }

    fn resolve(&mut self, _env: Env, summary: Summary) -> Result<ArchiveSummary> {
        Ok(ArchiveSummary {
            format: summary.format.name().to_owned(),
            files: number(summary.files),
            folders: number(summary.folders),
            bytes: number(summary.bytes),
        })
    }
}

/// The rule goes along: `CODE|rule: message`.
fn told(error: ArchiveError) -> Error {
    let code = match &error {
        ArchiveError::Refused { .. } => "ERR_RINGFENCE_GUARD_ARCHIVE",
        _ => "ERR_RINGFENCE_GUARD_EXTRACT",
    };
    refused(code, format_args!("{}: {error}", error.code()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of one archive are far below 2^53")]
const fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as saturates")]
const fn whole(value: f64) -> u64 {
    value as u64
}
