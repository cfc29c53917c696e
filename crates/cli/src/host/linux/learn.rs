//! Recording a program and drafting its boundary.

use super::{caller, resolve};
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Finish, Kind};
use crate::learnt::{self, Learning, Learnt};
use crate::mistake::Mistake;
use crate::printer::{Printer, Style};
use crate::verbs::Learn;
use ringfence_boundary::resolve::{Request, is_private, resolve as resolved};
use ringfence_learn::draft::{self, Facts, HostDisk};
use ringfence_learn::merge::{self, Fresh, MergeError};
use ringfence_learn::record::Record;
use ringfence_learn::recorder::{self, Order, Outcome, RecordError, SecretFile, Traffic};
use ringfence_policy::model::{Boundary, Delivery};
use ringfence_project::whole;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Records, drafts, shows, and writes.
pub(crate) fn learn(verb: &Learn, printer: &mut Printer) -> Result<Finish, CommandError> {
    let target = Target::find(verb)?;
    let (record_path, outcome) = if let Some(path) = &verb.from {
        (path.clone(), None)
    } else {
        let outcome = target.record(verb, printer)?;
        (outcome.record.clone(), Some(outcome))
    };
    let record = Record::read(&record_path).map_err(|error| {
        let again = CommandError::new(Kind::Source, "cannot read what was recorded");
        again.caused_by(&error).hint("`ringfence learn -- COMMAND` makes a new record")
    })?;
    let draft = target.draft(&record);
    let missing: Vec<_> = draft.missing().collect();
    let text = target.merged(&record, &missing)?;
    let old = target.source.as_ref().map(|file| file.source.text.as_str());
    let changed = text.as_deref().is_some_and(|text| Some(text) != old);
    let writes = changed && !verb.check && !verb.dry_run;
    if let (true, Some(text)) = (writes, &text) {
        target.unchanged(&record_path)?;
        store(&target.path, text, &record_path)?;
    }
    let fit = if writes { target.fit() } else { Fit::default() };
    let learning = Learning {
        file: &target.path,
        folder: &target.folder,
        old: old.unwrap_or_default(),
        new: text.as_deref().or(old).unwrap_or_default(),
        written: writes,
        record: &record_path,
        draft: &draft,
        command: &record.begin.command,
        stopped: outcome.as_ref().is_some_and(|outcome| outcome.stopped),
        traffic: verb.traffic.as_deref().zip(outcome.as_ref().and_then(|outcome| outcome.traffic)),
        unfit: &fit.mistakes,
        warnings: &fit.warnings,
        check: verb.check,
    };
    let learnt = Learnt::of(&learning);
    learnt::show(&learnt, verb, &record, printer)?;
    let lost = outcome.map(|outcome| outcome.lost).unwrap_or_default();
    if !lost.is_empty() {
        let error = CommandError::new(Kind::Output, "the record is not complete");
        return Err(lost.into_iter().fold(error, CommandError::hint));
    }
    let found = learnt.failed
        || learnt.traffic_failed()
        || !fit.mistakes.is_empty()
        || (verb.check && !missing.is_empty());
    Ok(if found { Finish::Findings } else { Finish::Clean })
}

/// The file that is learnt for.
struct Target {
    /// As it should be shown.
    path: PathBuf,
    /// Its folder, absolute and real.
    folder: PathBuf,
    /// What it says; nothing when it is still to be made.
    source: Option<BoundaryFile>,
}

impl Target {
    fn find(verb: &Learn) -> Result<Self, CommandError> {
        match verb.config.find()? {
            Ok(source) => {
                let file = BoundaryFile::of(source)?;
                let folder = file.folder()?;
                Ok(Self { path: file.source.path.clone(), folder, source: Some(file) })
            }
            Err(path) => {
                let parent = path.parent().filter(|parent| *parent != Path::new(""));
                let folder = parent.unwrap_or(Path::new(".")).canonicalize().map_err(|error| {
                    let message = format!("there is no folder for {}", path.display());
                    CommandError::new(Kind::Source, message).caused_by(&error)
                })?;
                Ok(Self { path, folder, source: None })
            }
        }
    }

    fn boundary(&self) -> Option<&Boundary> {
        self.source.as_ref().map(|file| &file.boundary)
    }

    /// Runs the command under the recorder, with what the file gives besides grants.
    fn record(&self, verb: &Learn, printer: &mut Printer) -> Result<Outcome, CommandError> {
        let mut command = verb.command.clone();
        let start = self.boundary().map(|boundary| boundary.service.start.as_slice());
        if command.is_empty() {
            command.extend(start.into_iter().flatten().map(|word| OsString::from(&word.value)));
        }
        if command.is_empty() {
            return Err(CommandError::new(Kind::Usage, "no command to learn from")
                .hint("`ringfence init` drafts a file from what the project says; or name the command behind two dashes: ringfence learn -- node server.mjs"));
        }
        let mut order = Order::new(self.located(command), self.folder.clone());
        order.stop_after = verb.stop_after;
        order.traffic = verb.traffic.as_deref().map(traffic).transpose()?;
        order.boundary = self.source.as_ref().map(|_| self.real());
        let here = std::env::current_dir();
        if let Some(boundary) = self.boundary() {
            order.stop_signal = boundary.service.stop_signal;
            order.stop_timeout = boundary.service.stop_timeout;
            let hosts = boundary.net.hosts.iter();
            order.hosts = hosts.map(|(name, at)| (name.to_string(), at.value)).collect();
            let set = boundary.env.set.iter();
            order.env = set.map(|(name, value)| (name.into(), (&value.value).into())).collect();
            self.add_secrets(&mut order)?;
            let cwd = self.folder.join(&boundary.service.cwd.value);
            std::env::set_current_dir(&cwd).map_err(|error| {
                let message = format!("service.cwd cannot be entered: {}", cwd.display());
                CommandError::new(Kind::Configuration, message).caused_by(&error)
            })?;
        }
        let label = printer.paint_error(Style::Bad, "warning:");
        printer.error(&format!(
            "{label} recording: NOTHING is enforced, the program may do everything this user may\n"
        ));
        let outcome = recorder::run(&order).map_err(|error| refused(&error));
        // Relative paths count from there; if the program removed it, writing will say so.
        let _ = here.and_then(std::env::set_current_dir);
        outcome
    }

    /// The file by its folder's real path.
    fn real(&self) -> PathBuf {
        self.folder.join(self.path.file_name().unwrap_or_default())
    }

    /// `run` looks into `node_modules/.bin` too, behind `PATH`.
    fn located(&self, mut command: Vec<OsString>) -> Vec<OsString> {
        let Some(first) = command.first_mut() else { return command };
        let named = Path::new(first);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let listed = std::env::split_paths(&path).any(|folder| folder.join(named).is_file());
        let own = self.folder.join("node_modules/.bin").join(named);
        if named.components().count() == 1 && !listed && own.is_file() {
            *first = own.into_os_string();
        }
        command
    }

    /// Secrets are read by the same code as at a start: that of a boundary with nothing else in it.
    fn add_secrets(&self, order: &mut Order) -> Result<(), CommandError> {
        let Some(file) = self.source.as_ref().filter(|file| !file.boundary.secrets.is_empty())
        else {
            return Ok(());
        };
        let itself = std::env::current_exe().map_err(|error| {
            CommandError::new(Kind::Host, "cannot tell where ringfence is").caused_by(&error)
        })?;
        let mut boundary = file.boundary.clone();
        boundary.fs = ringfence_policy::model::Filesystem::default();
        boundary.net = ringfence_policy::model::Network::default();
        boundary.process = ringfence_policy::model::Process::default();
        boundary.env = ringfence_policy::model::Environment::default();
        boundary.service.node = None;
        "./".clone_into(&mut boundary.service.cwd.value);
        let request = Request {
            boundary: &boundary,
            file: &file.source.path,
            folder: &self.folder,
            hash: "",
            command: Some(&[itself.into_os_string()]),
            environment: &caller::environment(),
            caller: caller::ids()?,
        };
        let plan = resolved(&request).map_err(|errors| resolve::unresolved(file, &errors))?;
        order.secrets = plan
            .secrets
            .iter()
            .map(|secret| SecretFile {
                path: secret.to.clone(),
                mode: secret.mode,
                value: secret.value.clone(),
            })
            .collect();
        let variables = boundary.secrets.iter().filter_map(|secret| match &secret.delivery {
            Delivery::Environment(name) => Some(OsString::from(name)),
            _ => None,
        });
        for name in variables {
            let given = plan.env.iter().find(|(known, _)| *known == name);
            order.env.extend(given.cloned());
        }
        Ok(())
    }

    fn draft(&self, record: &Record) -> draft::Draft {
        let homes = draft::homes();
        let own_addresses = draft::own_addresses();
        let implied = draft::implied(record);
        let facts = Facts {
            folder: &self.folder,
            homes: &homes,
            own_addresses: &own_addresses,
            implied: &implied,
            is_private,
            boundary: self.boundary(),
            disk: &HostDisk,
        };
        draft::draft(record, &facts)
    }

    /// The new text; nothing where nothing is to be added to a file that there is.
    fn merged(
        &self,
        record: &Record,
        missing: &[&draft::Proposed],
    ) -> Result<Option<String>, CommandError> {
        let merged = match &self.source {
            Some(_) if missing.is_empty() => return Ok(None),
            Some(file) => merge::merge(&file.source.text, missing, &self.folder),
            None => {
                let manifest = std::fs::read_to_string(self.folder.join("package.json")).ok();
                let name = merge::service_name(manifest.as_deref(), &self.folder);
                let what = Fresh {
                    name: &name,
                    command: &record.begin.command,
                    cwd: &record.begin.cwd,
                    folder: &self.folder,
                };
                merge::fresh(&what, missing)
            }
        };
        merged.map(Some).map_err(|error| {
            let internal = CommandError::new(Kind::Internal, "cannot write the grants down");
            let failed = internal.caused_by(&error);
            match error {
                MergeError::Refused { text, .. } => failed.hint(format!("it would be: {text}")),
                _ => failed,
            }
        })
    }

    /// Nothing that was written into the file since it was read is lost.
    fn unchanged(&self, record: &Path) -> Result<(), CommandError> {
        let before = self.source.as_ref().map(|file| file.source.text.as_bytes());
        let same = match (std::fs::read(&self.path), before) {
            (Ok(now), Some(before)) => now == before,
            (Err(error), None) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        if same {
            return Ok(());
        }
        let message = format!("{} was changed meanwhile: nothing is written", self.path.display());
        let hint = format!("ringfence learn --from {}", record.display());
        Err(CommandError::new(Kind::Output, message).hint(hint))
    }

    /// How the file that was just written fits this host.
    fn fit(&self) -> Fit {
        let Ok(source) = crate::settings::source(self.real()) else { return Fit::default() };
        match BoundaryFile::of(source).and_then(|file| resolve::plan(&file, None)) {
            Ok(plan) => Fit { warnings: plan.warnings, mistakes: Vec::new() },
            Err(error) => {
                let mistakes = error.mistakes().iter().map(Mistake::summary);
                let alone = error.mistakes().is_empty().then(|| error.message().to_owned());
                Fit { mistakes: mistakes.chain(alone).collect(), warnings: Vec::new() }
            }
        }
    }
}

/// The program that gives traffic, found now: the recording enters another folder.
fn traffic(named: &Path) -> Result<Traffic, CommandError> {
    let cwd = std::env::current_dir().map_err(|error| {
        CommandError::new(Kind::Usage, "the current folder cannot be told").caused_by(&error)
    })?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&path).map(|folder| cwd.join(folder).join(named));
    let has_slash = named.as_os_str().as_encoded_bytes().contains(&b'/');
    let mut places: Box<dyn Iterator<Item = PathBuf>> =
        if has_slash { Box::new(std::iter::once(cwd.join(named))) } else { Box::new(in_path()) };
    let program = places.find(|place| place.is_file()).ok_or_else(|| {
        let message = format!("cannot find the traffic: {}", named.display());
        CommandError::new(Kind::Usage, message)
            .hint("--traffic takes one program, without arguments: a path such as ./smoke.sh, or a name in PATH")
    })?;
    drop(places);
    Ok(Traffic { program, cwd })
}

/// How a file fits this host.
#[derive(Default)]
struct Fit {
    /// What refuses a start.
    mistakes: Vec<String>,
    /// Grants that the service's user cannot use.
    warnings: Vec<String>,
}

fn store(path: &Path, text: &str, record: &Path) -> Result<(), CommandError> {
    whole::write(path, text.as_bytes(), None).map_err(|error| {
        CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
            .caused_by(&error)
            .hint(format!(
                "nothing is lost: make it writable, then `ringfence learn --from {}`",
                record.display()
            ))
    })
}

/// What could not be recorded, in the terms of exit codes.
fn refused(error: &RecordError) -> CommandError {
    let (kind, hint) = match error {
        RecordError::NoProgram(_) | RecordError::Exec { .. } => {
            (Kind::Usage, "check the command behind the two dashes")
        }
        RecordError::Traffic { .. } => {
            (Kind::Usage, "--traffic takes an executable file: chmod +x, and #! in its first line")
        }
        RecordError::Begin { source, .. } if source.raw_os_error() == Some(libc::ENOSPC) => {
            (Kind::Output, "make room on the disk of the boundary file: records lie beside it")
        }
        RecordError::Replaced { .. } => (
            Kind::Output,
            "nothing is learnt from it: read docs/learn.md, what a hostile program can do to a recording",
        ),
        RecordError::Begin { .. } => (
            Kind::Output,
            "records go into .ringfence/records beside the boundary file: make its folder writable, or copy the project",
        ),
        RecordError::Unsupported(_) => {
            (Kind::Host, "`ringfence status` says what this host can do")
        }
        RecordError::System { .. } => {
            (Kind::Internal, "`ringfence status` says what this host can do")
        }
    };
    let mut refused = CommandError::new(kind, error.to_string());
    if let Some(cause) = std::error::Error::source(error) {
        refused = refused.caused_by(cause);
    }
    refused.hint(hint)
}
