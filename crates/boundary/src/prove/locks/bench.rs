//! Runs of the self-test: the boundary with staged objects and small limits, and with locks left out.

use super::trials::{Removal, Rule};
use crate::enforce::lock::{LeftOut, Lock};
use crate::plan::{Access, Plan, ViewEntry};
use crate::prove::arena::{ArenaError, LayerAnswer};
use crate::prove::attempt::{Attempt, read_lines};
use crate::prove::battery::{errand_for, lost};
use crate::prove::live;
use crate::prove::stage::{CanaryGrants, Stage};
use crate::prove::{ProveRequest, StageError};
use ringfence_policy::layer::Layer;
use ringfence_policy::model::{Limits, RequiredLayers};
use ringfence_policy::source::Located;
use ringfence_sys::Errno;
use ringfence_sys::attack::{Failure, Params, execute, locks};
use ringfence_sys::landlock::{self, READ_FILE};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const MEBIBYTE: u64 = 1 << 20;
/// Limits that are quick to hit; the descriptors that a careless supervisor leaves open are above 200.
const MEMORY: u64 = 96 * MEBIBYTE;
const PIDS: u64 = 32;
const CPU: f64 = 0.2;
const OPEN_FILES: u64 = 256;
const FILE_SIZE: u64 = 16 * MEBIBYTE;
const TMP: u64 = 4 * MEBIBYTE;
/// A device that every host has and that reads as zeroes.
const ZERO: &str = "/dev/zero";

/// The boundary under test.
pub(super) struct Bench<'a> {
    plan: Plan,
    grants: &'a CanaryGrants,
    environment: Vec<(OsString, OsString)>,
    params: Params,
    objects: Objects,
    _host_tmp: Option<HostTmp>,
}

/// What one run told.
pub(super) struct Told {
    pub(super) attempts: BTreeMap<String, Attempt>,
    pub(super) layers: Vec<LayerAnswer>,
}

impl<'a> Bench<'a> {
    /// Stages everything.
    pub(super) fn set(
        request: &ProveRequest<'_>,
        stage: &'a Stage,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Self, super::ProveError> {
        let command = [request.executable.as_os_str().to_owned()];
        let mut plan = live::resolve(request, Some(&command), &environment)?;
        let mut params = stage.params().clone();
        let failed = |error: io::Error| StageError::Canary {
            what: "objects of the self-test",
            errno: Errno::from(error),
        };
        let owner = (plan.identity.uid, plan.identity.gid);
        let owner = plan.identity.switch.then_some(owner);
        let objects = Objects::make(stage, owner).map_err(failed)?;
        let host_tmp = HostTmp::make(stage);
        objects.describe(&mut params);
        match &host_tmp {
            Ok(file) => params.set("host_tmp_file", &file.0),
            Err(error) => params.lack("host_tmp_file", format!("nothing in /tmp: {error}")),
        }
        params.set("root_dir", "/");
        params.set("plain_device", ZERO);
        describe_host(&mut params);
        match plan.secrets.first() {
            Some(secret) => params.set("secret_file", &secret.to),
            None => params.lack("secret_file", "the boundary has no secret"),
        }
        small_limits(&mut plan, &mut params);
        Ok(Self {
            plan,
            grants: stage.grants(),
            environment,
            params,
            objects,
            _host_tmp: host_tmp.ok(),
        })
    }

    /// The boundary as resolved.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Why there is no such object.
    pub(super) fn lacks(&self, name: &str) -> Option<String> {
        match self.params.value(name) {
            Err(Failure::NotApplicable(why)) => Some(why),
            _ => None,
        }
    }

    /// Runs probes with these locks left out.
    pub(super) fn run(
        &self,
        away: &[Removal],
        marked: Option<&'static str>,
        probes: &[String],
    ) -> Result<Told, ArenaError> {
        let plan = self.planned(away);
        let left_out = self.left_out(away, marked);
        let errand = errand_for(probes, &self.params);
        let mut plan = plan;
        plan.program.argv.truncate(1);
        plan.program.argv.extend(errand.arguments.iter().cloned());
        let owner = (plan.identity.uid, plan.identity.gid);
        let token = self.params.text("token").unwrap_or_default().to_owned();
        // Where this fails there are no namespaces, and the lock that needs it is not there either.
        let before = || drop(locks::mount_below(&self.objects.submount(), owner, &token));
        let output = live::run(&plan, &errand, &left_out, before)?;
        let mut attempts: BTreeMap<String, Attempt> =
            read_lines(&output.stdout).into_iter().collect();
        for probe in probes {
            attempts.entry(probe.clone()).or_insert_with(|| lost(&output));
        }
        Ok(Told { attempts, layers: output.layers })
    }

    fn planned(&self, away: &[Removal]) -> Plan {
        let mut plan = self.plan.clone();
        live::grant(&mut plan, self.grants);
        self.objects.grant(&mut plan);
        for removal in away {
            let Removal::Plan(rule) = removal else { continue };
            match rule {
                Rule::CpuLimit => plan.limits.cpu = None,
                Rule::EnvironmentListed => self.let_in(&mut plan, &["RINGFENCE_CANARY"]),
                Rule::EnvironmentLoaders => {
                    self.let_in(&mut plan, &["LD_LIBRARY_PATH", "NODE_OPTIONS"]);
                }
                Rule::FileSizeLimit => plan.limits.file_size = None,
                Rule::HiddenPaths => plan.view.extend(live::bind(&self.outside(), Access::Read)),
                Rule::MemoryLimit => plan.limits.memory = None,
                Rule::OpenFilesLimit => plan.limits.open_files = None,
                Rule::PidsLimit => plan.limits.pids = None,
                Rule::TmpLimit => plan.limits.tmp = None,
            }
        }
        plan
    }

    fn let_in(&self, plan: &mut Plan, names: &[&str]) {
        let found = self.environment.iter().filter(|(name, _)| names.iter().any(|n| name == n));
        plan.env.extend(found.cloned());
    }

    fn outside(&self) -> PathBuf {
        self.params.path("outside_dir").map(Path::to_owned).unwrap_or_default()
    }

    fn left_out(&self, away: &[Removal], marked: Option<&'static str>) -> LeftOut {
        let locks: Vec<Lock> = away
            .iter()
            .filter_map(|removal| match removal {
                Removal::Lock(lock) => Some(*lock),
                Removal::Plan(_) => None,
            })
            .collect();
        let numbers = ["inherited_file", "inherited_dir"];
        LeftOut {
            locks,
            unruled: vec![self.objects.unruled(), self.outside()],
            ruled: vec![
                (self.objects.refer(), landlock::rights_for(u32::MAX).fs & !landlock::REFER),
                (self.objects.unruled().join("program"), READ_FILE),
                (PathBuf::from(ZERO), READ_FILE),
            ],
            loose: vec![self.objects.unruled()],
            descriptors: numbers.iter().filter_map(|n| self.params.number(n).ok()).collect(),
            marked,
        }
    }
}

fn describe_host(params: &mut Params) {
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(name) => params.set("host_name", name.trim()),
        Err(error) => params.lack("host_name", format!("the host has no name: {error}")),
    }
}

fn small_limits(plan: &mut Plan, params: &mut Params) {
    let limit = |value| Some(Located::new(value, 0..0));
    let asked = plan.limits.memory.is_some() || plan.limits.pids.is_some();
    plan.limits = Limits {
        memory: limit(MEMORY),
        pids: limit(PIDS),
        cpu: Some(Located::new(CPU, 0..0)),
        open_files: limit(OPEN_FILES),
        file_size: limit(FILE_SIZE),
        tmp: limit(TMP),
    };
    for (name, value) in [
        ("memory_limit", MEMORY),
        ("pids_limit", PIDS),
        ("open_files_limit", OPEN_FILES),
        ("file_size_limit", FILE_SIZE),
        ("tmp_limit", TMP),
    ] {
        params.set(name, value.to_string());
    }
    params.set("cpu_limit", CPU.to_string());
    // Limits that the boundary does not ask for must not be what its start fails for.
    if let (RequiredLayers::All, false) = (&plan.require, asked) {
        let others = Layer::ALL.into_iter().filter(|layer| *layer != Layer::Cgroup);
        plan.require = RequiredLayers::Listed(others.collect());
    }
}

/// Objects that one lock protects, in the folder of the canaries.
struct Objects {
    root: PathBuf,
    read: PathBuf,
}

impl Objects {
    fn make(stage: &Stage, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let read = stage.grants().read.clone();
        let root = read.parent().unwrap_or(&read).to_owned();
        let objects = Self { root, read };
        let unruled = objects.unruled();
        let refer = objects.refer();
        for folder in [
            unruled.clone(),
            unruled.join("listing"),
            unruled.join("gone-folder"),
            refer.clone(),
            refer.join("from"),
            refer.join("to"),
        ] {
            fs::create_dir(&folder)?;
            own(&folder, 0o777, owner)?;
        }
        let token = stage.token();
        for file in [
            unruled.join("file"),
            unruled.join("full"),
            unruled.join("gone"),
            refer.join("from/file"),
            objects.device(),
            objects.masked(),
        ] {
            fs::write(&file, token)?;
            own(&file, 0o666, owner)?;
        }
        if let Ok(bytes) = execute::program() {
            fs::write(unruled.join("program"), bytes)?;
            own(&unruled.join("program"), 0o755, owner)?;
        }
        // Only as root there are groups to be taken away.
        fs::write(objects.of_group(), token)?;
        fs::set_permissions(objects.of_group(), Permissions::from_mode(0o640))?;
        Ok(objects)
    }

    /// A writable folder that no rule of Landlock names.
    fn unruled(&self) -> PathBuf {
        self.root.join("unruled")
    }

    /// A writable folder where everything but moving is allowed.
    fn refer(&self) -> PathBuf {
        self.root.join("refer")
    }

    /// A folder in a read grant where another file system is mounted.
    fn submount(&self) -> PathBuf {
        self.read.join("submount")
    }

    /// A device node in a read grant.
    fn device(&self) -> PathBuf {
        self.read.join("device")
    }

    /// A file in a read grant with a mask over it.
    fn masked(&self) -> PathBuf {
        self.read.join("masked")
    }

    /// A file in a read grant for the group of whoever starts the service.
    fn of_group(&self) -> PathBuf {
        self.read.join("of-group")
    }

    fn describe(&self, params: &mut Params) {
        params.set("unruled_dir", self.unruled());
        params.set("refer_dir", self.refer());
        params.set("submount_file", self.submount().join("file"));
        params.set("granted_device", self.device());
        params.set("masked_file", self.masked());
        params.set("group_file", self.of_group());
    }

    fn grant(&self, plan: &mut Plan) {
        for folder in [self.unruled(), self.refer()] {
            plan.view.extend(live::bind(&folder, Access::Write));
        }
        plan.view.extend(device(self.device()));
        let why = "prove: a mask".to_owned();
        plan.view.push(ViewEntry::Mask { target: self.masked(), why });
    }
}

fn device(target: PathBuf) -> Option<ViewEntry> {
    let source = PathBuf::from(ZERO);
    let found = source.metadata().ok()?;
    Some(ViewEntry::Bind {
        source,
        target,
        directory: false,
        access: Access::Read,
        object: (found.dev(), found.ino()),
        why: "prove: a canary device".to_owned(),
    })
}

fn own(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    match owner {
        Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// A file in the host's `/tmp`.
struct HostTmp(PathBuf);

impl HostTmp {
    fn make(stage: &Stage) -> io::Result<Self> {
        let path = Path::new("/tmp").join(format!("ringfence-prove-file-{}", stage.token()));
        let mut file = fs::File::create_new(&path)?;
        let made = Self(path);
        io::Write::write_all(&mut file, stage.token().as_bytes())?;
        fs::set_permissions(&made.0, Permissions::from_mode(0o666))?;
        Ok(made)
    }
}

impl Drop for HostTmp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
