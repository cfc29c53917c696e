//! What `prove` writes into files besides what it prints: the page and the attestation.
//!
//! Where they go is settled before anything is attacked, and they are written after the result has
//! been printed: what cannot be written into a file is not lost. Each is tried, also when the other
//! could not be written.

use super::resolve;
use super::whole_file::WholeFile;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Kind};
use crate::verbs::{Prove, Signatures};
use ringfence_boundary::plan::Plan;
use ringfence_boundary::prove::Report;
use ringfence_boundary::prove::attach::AttachReport;
use ringfence_boundary::prove::attest::Begun;
use ringfence_boundary::prove::page::{Page, RuntimeGrant};

/// The schema of an attestation; the same function elsewhere refuses.
#[expect(clippy::unnecessary_wraps, reason = "one signature for every system")]
pub(crate) fn attestation_schema() -> Result<String, CommandError> {
    Ok(ringfence_boundary::prove::attest::json_schema())
}

/// The files of one proof.
pub(super) struct EvidenceFiles {
    page: Option<WholeFile>,
    attestation: Option<(WholeFile, Begun)>,
    signatures: Signatures,
}

impl EvidenceFiles {
    /// Those that were asked for; to be called before the first attack. `plan` is what the file
    /// means on this host, and is asked for only where it is needed.
    pub(super) fn of(
        verb: &Prove,
        file: &BoundaryFile,
        plan: impl FnOnce() -> Result<Plan, CommandError>,
    ) -> Result<Self, CommandError> {
        let at = |what, path: &Option<std::path::PathBuf>| {
            path.as_deref().map(|path| WholeFile::at(what, path)).transpose()
        };
        let page = at("report", &verb.report)?;
        let attestation = at("attestation", &verb.attest)?;
        if let (Some(page), Some(attestation)) = (&page, &attestation)
            && page.is(attestation)
        {
            let message = "--report and --attest name the same file";
            return Err(CommandError::new(Kind::Usage, message).hint("name two files"));
        }
        let signatures = verb.sign.prepare()?;
        let Some(at) = attestation else { return Ok(Self { page, attestation: None, signatures }) };
        let begun = Begun::now(&plan()?, &file.source.path, &file.folder()?, &file.hash());
        Ok(Self { page, attestation: Some((at, begun)), signatures })
    }

    /// Writes them, for a proof and the running service that it was attached to.
    pub(super) fn write(
        self,
        file: &BoundaryFile,
        report: &Report,
        attached: Option<&AttachReport>,
    ) -> Result<(), CommandError> {
        let page = self.page.map(|at| at.write(page(file, report, attached).as_bytes()));
        let attestation = self.attestation.map(|(at, begun)| {
            let statement = match attached {
                Some(attached) => begun.attest_attached(attached),
                None => begun.attest(report),
            };
            let text = statement.to_json().map_err(|error| {
                CommandError::new(Kind::Internal, "cannot write the result as JSON")
                    .caused_by(&error)
            })?;
            at.write(self.signatures.around(text)?.as_bytes())
        });
        page.transpose()?;
        attestation.transpose()?;
        Ok(())
    }
}

fn page(file: &BoundaryFile, report: &Report, attached: Option<&AttachReport>) -> String {
    // The boundary has just been resolved; a page without this list is still a page.
    let runtime = resolve::runtime_grants(file).unwrap_or_default();
    let runtime: Vec<RuntimeGrant> = runtime
        .into_iter()
        .map(|grant| RuntimeGrant { path: grant.path, access: grant.access, why: grant.why })
        .collect();
    Page { report, boundary: &file.boundary, runtime: &runtime, attached }.render()
}
