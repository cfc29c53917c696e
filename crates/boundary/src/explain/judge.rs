//! Grants that would help and should not be given, each with what to do instead.

use super::access::{Access, Target};
use super::code::Code;
use super::context::{Context, Look};
use super::grant::Grant;
use super::paths::{is_in, join, name, parent, shows_secret, to_grant};
use super::report::shown;
use ringfence_policy::address;
use ringfence_policy::model::{Delivery, SecretSource};
use ringfence_policy::secret_files;

/// Why a grant should not be given.
pub(crate) struct Judgement {
    pub(crate) code: Code,
    pub(crate) why: String,
    pub(crate) instead: String,
}

fn judgement(code: Code, why: impl Into<String>, instead: impl Into<String>) -> Judgement {
    Judgement { code, why: why.into(), instead: instead.into() }
}

/// Programs that install and run what they download.
const PACKAGE_MANAGERS: [&str; 18] = [
    "apk", "apt", "apt-get", "bun", "bunx", "cargo", "corepack", "dnf", "dpkg", "gem", "npm",
    "npx", "pip", "pip3", "pnpm", "pnpx", "yarn", "yum",
];

/// Programs that run any other.
const SHELLS: [&str; 10] =
    ["ash", "bash", "busybox", "dash", "env", "fish", "ksh", "sh", "sudo", "zsh"];

/// Sockets that hand out the whole machine.
const RUNTIME_SOCKETS: [&str; 7] = [
    "buildkitd.sock",
    "containerd.sock",
    "cri-dockerd.sock",
    "crio.sock",
    "docker.sock",
    "dockershim.sock",
    "podman.sock",
];

/// Files and folders of machines, and a deeper one of people, that hold keys.
const CREDENTIALS: [&str; 7] = [
    ".config/gcloud",
    "/etc/gshadow",
    "/etc/kubernetes",
    "/etc/shadow",
    "/etc/ssl/private",
    "/etc/sudoers",
    "/etc/sudoers.d",
];

/// Folders of the system that no service writes.
const SYSTEM: [&str; 14] = [
    "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/opt", "/run", "/sbin", "/usr", "/var",
    "/srv", "/home", "/root",
];

/// Why an access should not be granted; `None` when nothing speaks against it.
pub(crate) fn never(access: &Access, context: &Context<'_>) -> Option<Judgement> {
    match access {
        Access::Connect(_, target, _) => metadata(target),
        Access::Exec(path) => program(path),
        Access::Unix(path) => socket(path),
        Access::Read(path) => {
            let path = join("/", path);
            socket(&path)
                .or_else(|| secret(&path, context))
                .or_else(|| credentials(&path, context))
                .or_else(|| system(&path, false))
                .or_else(|| home(&path))
        }
        Access::Write(path) => {
            let path = join("/", path);
            socket(&path)
                .or_else(|| secret(&path, context))
                .or_else(|| credentials(&path, context))
                .or_else(|| system(&path, true))
                .or_else(|| home(&path))
                .or_else(|| own_code(&path, context))
        }
        Access::Inspector => Some(judgement(
            Code::NodeInspector,
            "whoever reaches the inspector runs code in the service and reads its memory",
            "debug a copy outside the boundary; `process.inspector = true` only on a machine of \
             your own",
        )),
        _ => None,
    }
}

fn metadata(target: &Target) -> Option<Judgement> {
    let found = match target {
        Target::Address(ip) => address::is_metadata(address::destination(*ip)),
        Target::Name(name) => name.is_metadata(),
    };
    found.then(|| {
        judgement(
            Code::MetadataAddress,
            "a metadata service hands out the rights of the machine to whoever asks; the boundary \
             never grants it",
            "give the service its own credentials as a secret, or find out who made it ask: this \
             is what a forged request looks like",
        )
    })
}

fn program(path: &str) -> Option<Judgement> {
    let program = name(path).trim_end_matches(".exe");
    if PACKAGE_MANAGERS.contains(&program) {
        return Some(judgement(
            Code::PackageManager,
            format!("{} installs and runs code from elsewhere", shown(program)),
            "install when the image is built; a running service has no need of it",
        ));
    }
    SHELLS.contains(&program).then(|| {
        judgement(
            Code::Shell,
            format!(
                "{} runs whatever its text says; one forged argument is a command",
                shown(program)
            ),
            "start the program itself, without a shell (`execFile` or `spawn` with an argument \
             list), and grant its path in process.children",
        )
    })
}

fn socket(path: &str) -> Option<Judgement> {
    RUNTIME_SOCKETS.contains(&name(path)).then(|| {
        judgement(
            Code::ContainerSocket,
            format!("{} starts containers as root: whoever reaches it has the machine", shown(path)),
            "let a separate, narrow service do what is needed, and grant its address in net.connect",
        )
    })
}

fn secret(path: &str, context: &Context<'_>) -> Option<Judgement> {
    let setting = context.setting?;
    setting.boundary.secrets.iter().find_map(|secret| {
        let SecretSource::File(source) = &secret.from.value else { return None };
        if join(setting.folder, source) != path {
            return None;
        }
        let instead = match &secret.delivery {
            Delivery::File(to) => format!("read it where it is delivered: {}", shown(&to.value)),
            Delivery::Environment(name) => format!("read the variable {}", shown(name)),
            Delivery::Descriptor | Delivery::Socket => {
                "use it the way the boundary delivers it".to_owned()
            }
        };
        let why = format!(
            "it is the source of the secret {}, which stays outside so that nobody in the service \
             can read or change it",
            shown(&secret.name.value)
        );
        Some(judgement(Code::SecretSource, why, instead))
    })
}

fn credentials(path: &str, context: &Context<'_>) -> Option<Judgement> {
    // What lies in the project itself is the project's: an `.npmrc` there may hold no token.
    let inside = context.setting.is_some_and(|setting| is_in(path, setting.folder));
    let mut all = CREDENTIALS.iter().chain(&secret_files::FOLDERS).chain(&secret_files::OF_TOOLS);
    let found = all.any(|entry| {
        if entry.starts_with('/') {
            is_in(path, entry)
        } else {
            !inside && format!("{path}/").contains(&format!("/{entry}/"))
        }
    });
    found.then(|| {
        judgement(
            Code::Credentials,
            format!("{} holds keys or passwords of a person or of the machine", shown(path)),
            "give the service its own secret with a [secrets.NAME] section",
        )
    })
}

fn system(path: &str, write: bool) -> Option<Judgement> {
    if path == "/" {
        return Some(judgement(
            Code::SystemFolder,
            "a grant of / is no boundary",
            "grant the folders the service needs; its program and runtime need no grant",
        ));
    }
    if ["/proc", "/sys", "/dev"].iter().any(|own| is_in(path, own)) {
        return Some(judgement(
            Code::SystemFolder,
            format!("{} is the kernel's; the service has its own, reduced one", shown(path)),
            "do without: there is no grant for it",
        ));
    }
    let whole = SYSTEM.contains(&path);
    let programs =
        ["/bin", "/boot", "/lib", "/lib64", "/sbin", "/usr/bin", "/usr/lib", "/usr/sbin", "/etc"]
            .iter()
            .any(|folder| is_in(path, folder));
    let programs = programs || (is_in(path, "/usr") && !is_in(path, "/usr/local"));
    (write && (whole || programs || parent(path) == "/")).then(|| {
        judgement(
            Code::SystemFolder,
            format!(
                "{} belongs to the system: what is written there runs or counts for everybody",
                shown(path)
            ),
            "write to a folder of the service's own, such as /var/lib/NAME, or to /tmp, which is \
             private",
        )
    })
}

fn home(path: &str) -> Option<Judgement> {
    let whole = path == "/root" || path == "/home" || parent(path) == "/home";
    whole.then(|| {
        judgement(
            Code::HomeFolder,
            format!(
                "{} is a home directory, with the keys and histories of a person in it",
                shown(path)
            ),
            "grant the one file or folder that is needed, best in the project's own folder",
        )
    })
}

/// What the next start runs or obeys.
fn own_code(path: &str, context: &Context<'_>) -> Option<Judgement> {
    let code = path.contains("/node_modules/") || name(path) == "node_modules";
    let folder = context.setting.is_some_and(|setting| {
        path == setting.folder || (is_in(path, setting.folder) && path.ends_with("ringfence.toml"))
    });
    let source = [".js", ".mjs", ".cjs", ".ts"].iter().any(|ending| path.ends_with(ending))
        || name(path) == "package.json";
    let instead = "use a folder for data, such as ./data or /var/lib/NAME, and build before the \
                   start";
    if code || folder || source {
        let why = format!(
            "{} is code: a service that can write it chooses what the next start runs",
            shown(path)
        );
        return Some(judgement(Code::SystemFolder, why, instead));
    }
    // What would be granted is the folder of the file, with all that is in it.
    let setting = context.setting?;
    let written = to_grant(path, true, context)?;
    let held = replaceable(&join(setting.folder, &written), context)?;
    let why = format!(
        "{} holds {held}: a service that can write it chooses what the next start runs",
        shown(&written)
    );
    Some(judgement(Code::SystemFolder, why, instead))
}

/// What a start refuses to see in a writable folder, as `resolve` does.
fn replaceable(folder: &str, context: &Context<'_>) -> Option<String> {
    let setting = context.setting?;
    let boundary = setting.boundary;
    let cwd = join(setting.folder, &boundary.service.cwd.value);
    let program = boundary.service.start.iter().take(1).map(|word| ("its own program", word));
    let script = boundary.service.start.iter().skip(1).filter(|word| !word.value.starts_with('-'));
    let script = script.take(1).map(|word| ("its own script", word));
    let mut started = program.chain(script);
    if let Some((what, _)) = started.find(|(_, word)| is_in(&join(&cwd, &word.value), folder)) {
        return Some(what.to_owned());
    }
    if is_in(&join(setting.folder, name(setting.path)), folder) {
        return Some("its own boundary file".to_owned());
    }
    if is_in(&join(setting.folder, "node_modules"), folder) {
        return Some("its own dependencies".to_owned());
    }
    boundary.secrets.iter().find_map(|secret| match &secret.from.value {
        SecretSource::File(source) if is_in(&join(setting.folder, source), folder) => {
            Some(format!("the source of the secret {}", shown(&secret.name.value)))
        }
        _ => None,
    })
}

/// A sentence to go with a grant; empty when there is nothing to add.
pub(crate) fn note(access: &Access, grants: &[Grant], context: &Context<'_>) -> String {
    match access {
        Access::Listen(_, address) if address.ip().is_unspecified() => format!(
            "this is for clients on this machine; write \"0.0.0.0:{}\" when others must reach it",
            address.port()
        ),
        Access::Worker => "workers are in the same boundary as the service".to_owned(),
        Access::Read(path) if name(path).starts_with(".env") => {
            "an .env file usually holds secrets: a [secrets.NAME] section or env.pass keeps them \
             out of the service's files"
                .to_owned()
        }
        Access::Read(path) if context.host.look(path) == Look::Missing => {
            "it does not exist on this host now: fs.optional may be missing at a start".to_owned()
        }
        Access::Write(path) => write_note(path, grants),
        Access::Exec(_) => {
            "it runs in the same boundary; every file it needs must be granted too".to_owned()
        }
        Access::Read(path) if shows_secret(path, context) => {
            "the source of a secret lies in it and stays hidden".to_owned()
        }
        _ => String::new(),
    }
}

fn write_note(path: &str, grants: &[Grant]) -> String {
    let folder = grants.first().map(|grant| grant.value.trim_matches('"')).unwrap_or_default();
    if name(path) == name(folder) {
        "it must exist before the start, and belong to the service's user".to_owned()
    } else {
        "the folder must exist before the start, and belong to the service's user; logs are \
         better on standard output"
            .to_owned()
    }
}
