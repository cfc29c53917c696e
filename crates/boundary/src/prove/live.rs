//! The arena of a real boundary: errands go through `resolve` and `enforce` exactly as `run` goes.

use super::arena::{Arena, ArenaError, Errand, LayerAnswer, Output, Program};
use super::launch::{self, Streams};
use super::probe::Setting;
use super::stage::CanaryGrants;
use super::{ProveRequest, outside};
use crate::enforce::lock::LeftOut;
use crate::enforce::{self, EnforceError, Kind, Outcome, RunOptions};
use crate::plan::{Access, Plan, UnixSocket, ViewEntry};
use crate::resolve::{self, Request};
use ringfence_policy::net::{Endpoint, HostPattern, PortRange};
use ringfence_policy::source::Located;
use ringfence_sys::attack::locks;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// A boundary that is resolved and enforced once for each errand.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) request: &'a ProveRequest<'a>,
    /// The caller's environment and the canary variables.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) grants: CanaryGrants,
    /// The boundary's own Node, where its program is one.
    pub(super) node: Option<OsString>,
    /// Nothing, but in a self-test.
    pub(super) left_out: LeftOut,
}

/// What the supervisor's process tells about a run.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    layers: Vec<LayerAnswer>,
    error: Option<(String, bool)>,
}

impl Arena for Live<'_> {
    fn inside(&self, errand: &Errand, setting: Setting) -> Result<Output, ArenaError> {
        let mut plan = self.plan(errand)?;
        if setting.grants() {
            grant(&mut plan, &self.grants);
        }
        let owner = (plan.identity.uid, plan.identity.gid);
        run(&plan, errand, &self.left_out, || {
            if setting == Setting::Mounted {
                // Where this fails the act finds nothing mounted, and says so.
                let _ = locks::mount_below(&self.grants.mounted(), owner, &self.grants.token);
            }
        })
    }

    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError> {
        let program = match errand.program {
            Program::Battery => self.request.executable.as_os_str(),
            Program::Node | Program::NodeWithoutFlags => self.node.as_deref().unwrap_or_default(),
        };
        outside::run(program, errand, &self.environment)
    }
}

impl Live<'_> {
    /// The boundary with the errand as its command.
    fn plan(&self, errand: &Errand) -> Result<Plan, ArenaError> {
        let program = match errand.program {
            Program::Battery => self.request.executable.as_os_str().to_owned(),
            Program::Node | Program::NodeWithoutFlags => self.node.clone().unwrap_or_default(),
        };
        let command: Vec<OsString> =
            [program].into_iter().chain(errand.arguments.iter().cloned()).collect();
        let mut plan = resolve(self.request, Some(&command), &self.environment)?;
        if errand.program == Program::NodeWithoutFlags
            && let Some(node) = &plan.program.node
        {
            plan.program.argv.retain(|argument| !node.flags.contains(argument));
        }
        Ok(plan)
    }
}

/// Runs a plan to its end and takes what it wrote; `before` happens in the supervisor's process.
pub(super) fn run(
    plan: &Plan,
    errand: &Errand,
    left_out: &LeftOut,
    before: impl FnOnce(),
) -> Result<Output, ArenaError> {
    run_by(errand, |options| {
        before();
        enforce::run_without(plan, options, left_out)
    })
}

/// Does what becomes the supervisor in a process of its own, and takes what it wrote.
pub(super) fn run_by(
    errand: &Errand,
    how: impl FnOnce(&RunOptions) -> Result<Outcome, EnforceError>,
) -> Result<Output, ArenaError> {
    let streams = Streams::make(&errand.input)?;
    let [input, output, complaints] = streams.copies()?;
    let system = |errno| ArenaError::System { what: "making a file", errno };
    let mut channel = launch::memory().map_err(system)?;
    let told = channel.try_clone().map_err(|error| system(error.into()))?;
    let mut output = launch::run(streams, errand.deadline, move || {
        let options = RunOptions {
            stdio: [Some(input), Some(output), Some(complaints)],
            quiet: true,
            ..RunOptions::default()
        };
        tell(how(&options), &told)
    })?;
    let told: Told = serde_json::from_slice(&launch::contents(&mut channel)).unwrap_or_default();
    if let Some((message, host)) = told.error {
        return Err(ArenaError::Enforce { message, host });
    }
    output.layers = told.layers;
    Ok(output)
}

/// Resolves the boundary of a request.
pub(super) fn resolve(
    request: &ProveRequest<'_>,
    command: Option<&[OsString]>,
    environment: &[(OsString, OsString)],
) -> Result<Plan, ArenaError> {
    let request = Request {
        boundary: request.boundary,
        file: request.file,
        folder: request.folder,
        hash: request.hash,
        command,
        environment,
        caller: request.caller.clone(),
    };
    resolve::resolve(&request).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        ArenaError::Resolve(first)
    })
}

/// In the process that was the supervisor.
fn tell(ended: Result<Outcome, EnforceError>, mut told: &File) -> i32 {
    let (told_now, code) = match ended {
        Ok(outcome) => {
            let answers = outcome.layers.answers.iter();
            let layers = answers.map(|(layer, answer)| LayerAnswer::of(*layer, answer)).collect();
            (Told { layers, error: None }, outcome.exit_code)
        }
        Err(error) => {
            let host = error.kind() == Kind::Host;
            (Told { layers: Vec::new(), error: Some((error.to_string(), host)) }, 125)
        }
    };
    // What cannot be told shows as a run without layers.
    let _ = serde_json::to_writer(&mut told, &told_now);
    code
}

/// Adds the canaries to what the boundary grants.
pub(super) fn grant(plan: &mut Plan, grants: &CanaryGrants) {
    let network = Arc::make_mut(&mut plan.network);
    for address in &grants.connect {
        let ports = PortRange { first: address.port(), last: address.port() };
        let endpoint = Endpoint { host: HostPattern::Address(address.ip()), ports };
        network.connect.push(Located::new(endpoint, 0..0));
    }
    if let Some((name, port)) = &grants.name {
        let ports = PortRange { first: *port, last: *port };
        let endpoint = Endpoint { host: HostPattern::Name(name.clone()), ports };
        network.connect.push(Located::new(endpoint, 0..0));
    }
    if let Some(path) = &grants.unix {
        let object = path.metadata().ok().map(|found| (found.dev(), found.ino()));
        let (named, real) = (path.clone(), path.clone());
        plan.unix_sockets.push(UnixSocket { named, real, object });
    }
    for (folder, access) in [(&grants.read, Access::Read), (&grants.write, Access::Write)] {
        plan.view.extend(bind(folder, access));
    }
    plan.view.extend(bind(&grants.droppable(), Access::Read));
    plan.droppable.push(grants.droppable());
}

/// A folder of the host in its place.
pub(super) fn bind(folder: &Path, access: Access) -> Option<ViewEntry> {
    let found = folder.metadata().ok()?;
    Some(ViewEntry::Bind {
        source: folder.to_owned(),
        target: folder.to_owned(),
        directory: true,
        access,
        object: (found.dev(), found.ino()),
        why: "prove: a canary folder".to_owned(),
    })
}
