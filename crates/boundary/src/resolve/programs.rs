//! The program and its children in the view: executables, interpreters, libraries, scripts.

use super::error::{ResolveError, Step};
use super::identity::surely_denied;
use super::libraries::LibraryError;
use super::program::{Found, ProgramError, Search, find};
use super::secrets::Delivered;
use super::view::{Purpose, Reason};
use super::walk::{Walked, shown, walk};
use super::{Resolver, node_grants};
use crate::node::{self, Detected, Detection, NodeError, Version};
use crate::plan::{Access, NodeRuntime, Program, ResolvedIdentity};
use ringfence_policy::layer::Answer;
use ringfence_policy::paths;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};

const LIBRARY: &str = "runtime: shared library";
/// Said where the caller works without verification.
const VERIFIES: &str = "NODE_TLS_REJECT_UNAUTHORIZED=0 of this environment is not passed on: the \
    service verifies certificates";
/// Said of every start of a Node whose boundary leaves its permissions out.
const WITHOUT_FLAGS: &str = "process.node-flags = false: runs without Node's own permission flags, \
    the layers of the kernel hold everything; process.workers and process.wasi are without effect";
/// Where a found program, its answer and its script come from.
pub(super) type Started = ((Program, Answer), Option<Walked>);

impl Resolver<'_> {
    fn start_span(&self) -> Range<usize> {
        match self.request.command {
            Some(_) => 0..0,
            None => {
                self.request.boundary.service.start.first().map_or(0..0, |word| word.span.clone())
            }
        }
    }

    /// Where a later word of `service.start` stands; its first one where none is this word.
    fn word_span(&self, word: &OsStr) -> Range<usize> {
        let mut later = self.request.boundary.service.start.iter().skip(1);
        match (self.request.command, later.find(|known| OsStr::new(&known.value) == word)) {
            (None, Some(known)) => known.span.clone(),
            _ => self.start_span(),
        }
    }

    /// Finds the program of the service and adds it with all it loads.
    pub(super) fn program(
        &mut self,
        cwd: &Walked,
        identity: Option<&ResolvedIdentity>,
    ) -> Option<Found> {
        let words: Vec<OsString> = match self.request.command {
            Some(words) => words.to_vec(),
            None => self
                .request
                .boundary
                .service
                .start
                .iter()
                .map(|word| (&word.value).into())
                .collect(),
        };
        let span = self.start_span();
        let path = self.caller_variable("PATH").map(OsStr::to_owned);
        let search = Search { cwd: &cwd.real, folder: self.request.folder, path: path.as_deref() };
        let found = find(&words, search).map_err(|error| self.fail(&span, error)).ok()?;
        if let Some(identity) = identity
            && surely_denied(identity, &found.program.metadata, 1)
        {
            let path = found.program.real.clone();
            self.fail(&span, ProgramError::NotForService { path, uid: identity.uid });
            return None;
        }
        let added = self.add_found(&found, Purpose::Program, "runtime: program", Access::Read);
        added.map_err(|step| self.errors.push(ResolveError { span, step })).ok()?;
        Some(found)
    }

    /// Adds every granted child; returns what may be executed, real paths.
    pub(super) fn children(&mut self, cwd: &Walked, path: Option<&OsStr>) -> Vec<PathBuf> {
        let mut children = Vec::new();
        let folder = self.request.folder;
        for child in &self.request.boundary.process.children {
            let result = self.child(&child.value, Search { cwd: &cwd.real, folder, path });
            match result {
                Ok(executables) => children.extend(executables),
                Err(step) => self.errors.push(ResolveError { span: child.span.clone(), step }),
            }
        }
        children.sort();
        children.dedup();
        children
    }

    fn child(&mut self, child: &str, search: Search<'_>) -> Result<Vec<PathBuf>, Step> {
        let path = match child.strip_prefix("./") {
            Some(inside) => self.request.folder.join(paths::normal(inside)),
            None => child.into(),
        };
        if !path.is_absolute() {
            return Err(ProgramError::Relative(child.into()).into());
        }
        let found = find(&[path.into_os_string()], search).map_err(|error| match error {
            ProgramError::Walk(missing) => ProgramError::Child(missing),
            other => other,
        })?;
        let why = format!("process.children \"{child}\"");
        self.add_found(&found, Purpose::Child, &why, Access::Execute)?;
        if !found.scripts.is_empty() {
            self.notes.push(format!(
                "process.children \"{child}\" is a script: it also grants its interpreter {}",
                shown(&found.program.real)
            ));
        }
        let executables = found.scripts.iter().chain(&found.env).chain([&found.program]);
        Ok(executables.map(|walked| walked.real.clone()).collect())
    }

    /// The executable, its libraries, and the scripts that led to it.
    fn add_found(
        &mut self,
        found: &Found,
        purpose: Purpose,
        why: &str,
        script: Access,
    ) -> Result<(), Step> {
        self.add(&found.program, Reason::new(Access::Execute, purpose, why))?;
        let libraries = self
            .libraries
            .of_program(&found.program.real, &found.elf)
            .map_err(ProgramError::from)?;
        self.add_libraries(&libraries)?;
        for walked in &found.scripts {
            self.add(walked, Reason::new(script, purpose, format!("{why}: script")))?;
        }
        if purpose != Purpose::Child {
            return Ok(());
        }
        // A child's first line is carried out by the kernel inside, so `env` is executed too.
        for walked in &found.env {
            self.add(walked, Reason::new(Access::Execute, purpose, format!("{why}: interpreter")))?;
            let env = find(
                &[walked.real.clone().into()],
                Search { cwd: Path::new("/"), folder: Path::new("/"), path: None },
            )?;
            let libraries =
                self.libraries.of_program(&walked.real, &env.elf).map_err(ProgramError::from)?;
            self.add_libraries(&libraries)?;
        }
        Ok(())
    }

    fn add_libraries(&mut self, libraries: &[PathBuf]) -> Result<(), Step> {
        for library in libraries {
            let walked = walk(library).map_err(|source| {
                let source = super::elf::ElfError::Read(std::io::Error::other(source));
                ProgramError::Library(LibraryError::Elf { path: library.clone(), source })
            })?;
            self.add(&walked, Reason::new(Access::Execute, Purpose::Library, LIBRARY))?;
        }
        Ok(())
    }

    fn add(&mut self, walked: &Walked, reason: Reason) -> Result<(), Step> {
        let added = self.view.add(walked, reason);
        added.map_err(|conflict| {
            ProgramError::Writable { other: conflict.first, path: walked.real.clone() }.into()
        })
    }

    /// The version, when the program is a Node that takes flags. A program that the service could
    /// have put there is not asked, because it would answer outside the boundary; it is refused
    /// later.
    pub(super) fn detect(&mut self, found: &Found, identity: &ResolvedIdentity) -> Option<Version> {
        if self.is_chosen_by_service() {
            return None;
        }
        let detection = Detection {
            cache: self.cache_folder(),
            run_as: identity.switch.then_some((identity.uid, identity.gid)),
        };
        let span = self.start_span();
        let result =
            node::detect::detect_open(&found.program.real, &found.file, &found.elf, &detection);
        match result {
            Ok(Detected::Node(version)) => Some(version),
            Ok(Detected::Other) => None,
            Ok(Detected::SingleExecutable) => {
                self.notes.push("the program is Node with a script inside: it takes no permission flags, the other layers carry the boundary".into());
                None
            }
            Err(error) => {
                self.fail(&span, error);
                None
            }
        }
    }

    /// Where answers about programs are kept: root's own folder, or the caller's.
    fn cache_folder(&self) -> Option<PathBuf> {
        if self.request.caller.uid == 0 {
            return Some("/var/cache/ringfence".into());
        }
        let absolute =
            |name| self.caller_variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache =
            absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(cache.join("ringfence"))
    }

    /// The argument vector, with Node's flags when the program is Node.
    pub(super) fn start(
        &mut self,
        found: Found,
        node: Option<Version>,
        cwd: &Walked,
        delivered: &Delivered,
    ) -> Option<Started> {
        let path = found.program.real.clone();
        let script = found.scripts.first().map(|script| walk(&script.named));
        let script = script.and_then(Result::ok);
        if self.caller_variable(node::argv::UNVERIFIED).is_some_and(|value| value == "0") {
            self.notes.push(VERIFIES.into());
        }
        let Some(version) = node else {
            if let Err(error) = node::argv::check_words(&found.argv) {
                self.fail(&self.start_span(), error);
                return None;
            }
            if self.request.boundary.service.node.is_some() {
                self.notes.push("service.node is not checked: the program is not Node".into());
            }
            let program = Program { path, argv: found.argv, node: None };
            return Some(((program, Answer::NotNeeded), script));
        };
        let span = self.start_span();
        let checked = self.check_node(version, &found.argv, cwd);
        let checked = checked.map_err(|error| match error {
            NodeError::HiddenScript { ref word, .. } => self.fail(&self.word_span(word), error),
            error => self.fail(&span, error),
        });
        let (checked, entry) = checked.ok()?;
        let process = &self.request.boundary.process;
        let (flags, answer) = if process.node_flags {
            node::flags(version, &node_grants::build(&self.view, process, &delivered.files))
        } else {
            self.notes.push(WITHOUT_FLAGS.into());
            (node::flags::without_permissions(version, process.ffi), Answer::NotNeeded)
        };
        let mut argv = checked;
        node::flags::insert(&mut argv, &flags);
        let program = Program { path, argv, node: Some(NodeRuntime { version, flags }) };
        Some(((program, answer), entry.or(script)))
    }

    /// Version range, options and script of a Node command.
    fn check_node(
        &mut self,
        version: Version,
        argv: &[OsString],
        cwd: &Walked,
    ) -> Result<(Vec<OsString>, Option<Walked>), NodeError> {
        if version < node::OLDEST {
            return Err(NodeError::TooOld(version));
        }
        if let Some(range) = &self.request.boundary.service.node
            && !range.value.matches(version)
        {
            self.errors.push(ResolveError::at(&range.span, NodeError::OutOfRange(version)));
        }
        let checked = node::argv::check(argv, self.request.boundary.process.inspector)?;
        node::argv::check_env_files(&checked.env_files, &cwd.real)?;
        if let Some(option) = node::argv::old_tls(&checked) {
            self.notes.push(format!("{option} lets TLS go down to versions that RFC 8996 forbids"));
        }
        let script = checked
            .script
            .as_ref()
            .and_then(|script| Some((walk(&cwd.real.join(&script.path)).ok()?, script.sure)));
        if let Some((walked, sure)) = &script
            && !self.view.shows(&walked.real)
        {
            if *sure {
                let word = checked.script.map(|script| script.path).unwrap_or_default();
                let (path, folder) = (walked.named.clone(), self.request.folder.into());
                return Err(NodeError::HiddenScript { word: word.into(), path, folder });
            }
            self.notes.push(format!("the script may not be granted: {}", shown(&walked.named)));
        }
        Ok((checked.argv, script.map(|(walked, _)| walked)))
    }
}
