//! Proving a service that is running: the battery beside it, in its own namespaces and root, and a
//! look at the live process itself from outside.
//!
//! What can be disturbed is not shared. The attacks have identity, Landlock, filter, broker and
//! control groups of their own, built anew from the same plan; acts on limits, and acts that need a
//! canary granted, run in a boundary that is built anew as a whole. The kernel does not tell from
//! outside which Landlock rules or which filter a process has, so the report says for each attack
//! whether it was made beside the live service, and of the live process what can be seen: ids,
//! capabilities, whether a filter is on it, namespaces, mounts, descriptors, limits, environment.

mod inspect;
mod render;
mod root;
mod running;

pub use crate::control::client::AskError;
pub use inspect::{Check, Finding};
pub use running::{AttachError, Running};

use super::arena::{Arena, ArenaError, Errand, Output, Program};
use super::battery::{Battery, Side};
use super::live::{self, Live};
use super::probe::{Act, Class, Probe, Setting};
use super::{Evidence, Facts, ProveError, ProveRequest, Report, Stage, report, secret_sources};
use crate::enforce::attach::{self as enforce_attach, Joined};
use crate::enforce::lock::LeftOut;
use crate::plan::Plan;
use ringfence_policy::layer::Answer;
use serde::Serialize;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// A proof made beside a running service.
#[derive(Debug, Serialize)]
pub struct AttachReport {
    /// What it was attached to.
    pub attached: Attached,
    /// What was seen of the live process from outside.
    pub checks: Vec<Check>,
    /// The attacks.
    #[serde(flatten)]
    pub report: Report,
}

/// What a proof was attached to.
#[derive(Debug, Clone, Serialize)]
pub struct Attached {
    /// Process id of its supervisor.
    pub supervisor: u32,
    /// Process id of its program.
    pub program: u32,
    /// How many times grants were dropped since it started; the attacks have those of the file.
    pub generation: u64,
    /// Attacks that were made in the live service's namespaces and root.
    pub beside: Vec<&'static str>,
    /// Attacks that were made in a boundary built anew, because they use up a limit or need a canary
    /// granted, which would change the live one, or ask for names, which would be among its events.
    pub anew: Vec<&'static str>,
}

/// Why nothing could be proven or disproven of a running service.
#[derive(Debug, thiserror::Error)]
pub enum AttachFailure {
    /// It could not be attached to.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The proof itself could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl From<ArenaError> for AttachFailure {
    fn from(error: ArenaError) -> Self {
        Self::Prove(error.into())
    }
}

/// Attacks the boundary of a running service and inspects it. Must be called while this process has
/// a single thread.
///
/// # Errors
/// The boundary file is another one, there are no rights to look into the service, or as
/// [`super::prove`].
pub fn prove_attached(
    request: &ProveRequest<'_>,
    running: &Running,
) -> Result<AttachReport, AttachFailure> {
    running.same_boundary(request.hash)?;
    let mut plan = live::resolve(request, None, request.environment)?;
    running.as_started(&mut plan.identity);
    let beside = running.has_namespaces()?;
    // What may not be looked into is said before anything is attacked.
    if beside {
        Joined::open(running.program, None).map_err(|errno| running.denied(errno))?;
    }
    let mut checks = inspect::inspect(running, &plan, request)?;
    let facts = Facts::of(&plan, request.file.to_owned(), secret_sources(request));
    let stage = Stage::set(&facts).map_err(ProveError::from)?;
    let canaries = stage.environment().into_iter().map(|(name, value)| (name.into(), value.into()));
    let live = Live {
        request,
        environment: request.environment.iter().cloned().chain(canaries).collect(),
        grants: stage.grants().clone(),
        node: facts.node.is_some().then(|| plan.program.path.clone().into_os_string()),
        left_out: LeftOut::default(),
    };
    let guest = Guest { running, plan: &plan, executable: request.executable, live: &live };
    let probes: Vec<Probe> = report::asked_for(request.only).copied().collect();
    let (near, anew): (Vec<Probe>, Vec<Probe>) =
        probes.iter().partition(|probe| beside && is_harmless(probe));
    let node = facts.node.is_some();
    let inside = Battery { arena: &guest, stage: &stage, node }.inside(&near)?;
    let battery = Battery { arena: &live, stage: &stage, node };
    let inside = joined(inside, battery.inside(&anew)?);
    let outside = battery.outside(&probes)?;
    checks.push(inspect::still_there(running));
    let evidence = Evidence::collect(request, &facts, &inside.layers);
    let ids = |probes: &[Probe]| probes.iter().map(|probe| probe.id).collect();
    let attached = Attached {
        supervisor: running.supervisor,
        program: running.program,
        generation: running.generation,
        beside: ids(&near),
        anew: ids(&anew),
    };
    let report = Report::judge(request.boundary, evidence, request.only, &inside, &outside);
    Ok(AttachReport { attached, checks, report })
}

/// Whether an attack neither uses up what the live service needs nor a grant that it does not have.
/// What is only inside (the resolver, the broker's queues) is the live service's too: a name asked
/// for there would be a refusal among the service's own events.
fn is_harmless(probe: &Probe) -> bool {
    probe.setting == Setting::Exact
        && !matches!(probe.class, Class::Limits | Class::Names)
        && !matches!(probe.act, Act::NativeWithin(_))
}

/// Both parts of one side.
fn joined(mut beside: Side, anew: Side) -> Side {
    beside.attempts.extend(anew.attempts);
    beside.flagged.extend(anew.flagged);
    if beside.layers.is_empty() {
        beside.layers = anew.layers;
    }
    beside
}

/// The live service's namespaces and root, with everything else built anew for each errand.
struct Guest<'a> {
    running: &'a Running,
    /// The boundary with its own command.
    plan: &'a Plan,
    executable: &'a Path,
    live: &'a Live<'a>,
}

impl Arena for Guest<'_> {
    fn inside(&self, errand: &Errand, _: Setting) -> Result<Output, ArenaError> {
        let program = (errand.program == Program::Battery).then_some(self.executable);
        let joined = Joined::open(self.running.program, program).map_err(|errno| {
            ArenaError::System { what: "opening the namespaces of the service", errno }
        })?;
        let plan = self.plan(errand, &joined);
        let joined = Arc::new(joined);
        live::run_by(errand, move |options| enforce_attach::run(&plan, options, joined))
    }

    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError> {
        self.live.outside(errand)
    }
}

impl Guest<'_> {
    /// The plan of the service with the errand as its program, and without what is there already.
    fn plan(&self, errand: &Errand, joined: &Joined) -> Plan {
        let mut plan = self.plan.clone();
        plan.secrets.clear();
        let program = &mut plan.program;
        let flags = match (errand.program, &program.node) {
            (Program::Node, Some(node)) => node.flags.clone(),
            _ => Vec::new(),
        };
        if let Some(path) = joined.program_path() {
            program.path = path.into();
            program.node = None;
            plan.node_answer = Answer::NotNeeded;
        }
        let name = program.path.clone().into_os_string();
        let words: Vec<OsString> = std::iter::once(name).chain(flags).collect();
        program.argv = words.into_iter().chain(errand.arguments.iter().cloned()).collect();
        plan
    }
}
