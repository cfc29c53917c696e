//! The arena of another place: every errand is started there, as the service's user.

use super::Scene;
use super::place::{Place, Start, Task};
use super::workspace::Workspace;
use crate::prove::arena::{Arena, ArenaError, Errand, Output, Program};
use crate::prove::attempt::{Attempt, Outcome};
use crate::prove::launch::{self, Streams};
use crate::prove::stage::CanaryGrants;
use crate::prove::{ProveRequest, Setting, battery, live, outside};
use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A place with a boundary in it.
pub(super) struct There<'a> {
    place: &'static Place,
    request: &'a ProveRequest<'a>,
    workspace: &'a Workspace,
    environment: &'a [(OsString, OsString)],
    grants: &'a CanaryGrants,
    node: Option<&'a OsStr>,
    peer: Option<PathBuf>,
    /// The last scripts and what they left: a place has one way of starting Node, not two.
    last: RefCell<Option<(Vec<u8>, Output)>>,
}

impl<'a> There<'a> {
    pub(super) fn new(
        place: &'static Place,
        request: &'a ProveRequest<'a>,
        scene: &'a Scene,
        workspace: &'a Workspace,
    ) -> Self {
        Self {
            place,
            request,
            workspace,
            environment: &scene.environment,
            grants: scene.stage.grants(),
            node: scene.node.as_deref(),
            peer: place.program.and_then(in_path),
            last: RefCell::new(None),
        }
    }

    /// Starts the battery there with nothing to do. Answers the peer's version and the command
    /// line, or why the place does not work here.
    pub(super) fn try_out(&self) -> Result<(String, Vec<OsString>), String> {
        if let (Some(name), None) = (self.place.program, &self.peer) {
            return Err(format!("{name} is not installed"));
        }
        if self.place.no_native.is_some() && self.node.is_none() {
            return Err("the program of this boundary is not Node".to_owned());
        }
        let errand = match self.node {
            Some(_) => errand(Program::Node, &["-p", "process.version"]),
            None => errand(Program::Battery, &[battery::VERB, "--"]),
        };
        let try_now = || self.start(&errand, Setting::Exact).map_err(|error| error.to_string());
        let mut output = try_now()?;
        if output.exit != Some(0) && self.place.limits {
            self.workspace.give_up_limits();
            output = try_now()?;
        }
        if output.exit != Some(0) {
            let last = output.stderr.lines().rfind(|line| !line.trim().is_empty());
            return Err(format!("it starts nothing here: {}", last.unwrap_or("without a word")));
        }
        let version = match &self.peer {
            Some(peer) => self.version(peer),
            None => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        };
        let shown = self.program(&errand);
        let start = self.start_of(&errand, &[shown, "...".into()], None);
        start.map(|start| (version, start.argv)).map_err(|error| error.to_string())
    }

    fn version(&self, peer: &Path) -> String {
        let asked = errand(Program::Battery, &["--version"]);
        let said = outside::run(peer.as_os_str(), &asked, self.environment).unwrap_or_default();
        String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().to_owned()
    }

    fn program(&self, errand: &Errand) -> OsString {
        match errand.program {
            Program::Battery => self.request.executable.as_os_str().to_owned(),
            Program::Node | Program::NodeWithoutFlags => self.node.unwrap_or_default().to_owned(),
        }
    }

    /// How a command is started there.
    fn start_of(
        &self,
        errand: &Errand,
        command: &[OsString],
        grants: Option<&CanaryGrants>,
    ) -> Result<Start, ArenaError> {
        let mut plan = live::resolve(self.request, Some(command), self.environment)?;
        if let Some(node) = &plan.program.node {
            plan.program.argv.retain(|argument| !node.flags.contains(argument));
        }
        debug_assert!(!plan.program.argv.is_empty(), "{errand:?}");
        let task = Task {
            plan: &plan,
            grants,
            peer: self.peer.as_deref().unwrap_or_else(|| "".as_ref()),
            workspace: self.workspace,
            environment: self.environment,
        };
        let mut start = (self.place.start)(&task)?;
        start.user = (start.as_service && plan.identity.switch)
            .then_some((plan.identity.uid, plan.identity.gid));
        Ok(start)
    }

    fn start(&self, errand: &Errand, setting: Setting) -> Result<Output, ArenaError> {
        let command: Vec<OsString> =
            [self.program(errand)].into_iter().chain(errand.arguments.iter().cloned()).collect();
        let grants = (setting == Setting::Granted).then_some(self.grants);
        let start = self.start_of(errand, &command, grants)?;
        let output = execute(&start, errand);
        if let Some([program, arguments @ ..]) = start.after.as_deref() {
            let clean =
                Errand { arguments: arguments.to_vec(), ..self::errand(errand.program, &[]) };
            // What was not there is not an error.
            let _ = outside::run(program, &clean, &start.environment);
        }
        output
    }
}

impl Arena for There<'_> {
    fn inside(&self, errand: &Errand, setting: Setting) -> Result<Output, ArenaError> {
        if errand.program == Program::Battery {
            return match self.place.no_native {
                Some(why) => Ok(not_applicable(errand, why)),
                None => self.start(errand, setting),
            };
        }
        if let Some((input, output)) = &*self.last.borrow()
            && errand.program == Program::NodeWithoutFlags
            && *input == errand.input
        {
            return Ok(output.clone());
        }
        let output = self.start(errand, setting)?;
        *self.last.borrow_mut() = Some((errand.input.clone(), output.clone()));
        Ok(output)
    }

    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError> {
        outside::run(&self.program(errand), errand, self.environment)
    }
}

/// A program with few words to do, and no input.
fn errand(program: Program, arguments: &[&str]) -> Errand {
    let arguments = arguments.iter().map(OsString::from).collect();
    Errand { program, arguments, input: Vec::new(), deadline: Duration::from_secs(20) }
}

/// What the battery would have said of acts that cannot be tried.
fn not_applicable(errand: &Errand, why: &str) -> Output {
    let mut attempt = Attempt::nothing(why);
    attempt.outcome = Outcome::NotApplicable;
    let ids = errand.arguments.iter().skip_while(|word| *word != "--").skip(1);
    let lines = ids.map(|id| attempt.to_line(&id.to_string_lossy()));
    Output { stdout: lines.collect::<String>().into_bytes(), exit: Some(0), ..Output::default() }
}

/// Starts it and waits.
fn execute(start: &Start, errand: &Errand) -> Result<Output, ArenaError> {
    let [program, arguments @ ..] = start.argv.as_slice() else { return Ok(Output::default()) };
    let streams = Streams::make(&errand.input)?;
    let [input, output, complaints] = streams.copies()?;
    let mut command = command(program);
    command.args(arguments).env_clear().envs(start.environment.iter().map(|(n, v)| (n, v)));
    command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::from(complaints));
    if let Some((uid, gid)) = start.user {
        // Without root's supplementary groups: `uid` gives them up.
        command.uid(uid).gid(gid);
    }
    launch::run(streams, errand.deadline, move || {
        // Comes back only when the program cannot be executed; then it has told nothing.
        let _ = command.exec();
        127
    })
}

/// The first program of this name in `PATH`.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this folder where a program is started; its environment is given whole"
)]
fn command(program: &OsStr) -> Command {
    Command::new(program)
}
