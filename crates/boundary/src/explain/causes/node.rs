//! What Node itself refuses under `--permission`, and the preload in Node's words.

use super::super::access::{Access, Target};
use super::super::code::Code;
use super::super::context::Context;
use super::super::judge;
use super::super::paths;
use super::super::read::endpoint;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use super::settled;
use ringfence_policy::layer::Layer;
use ringfence_policy::net::Transport;
use std::net::SocketAddr;

const FLAGS: Option<Layer> = Some(Layer::NodeFlags);

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.says_any(&["API is disabled when Permission Model", "API requires full fs"]) {
        return Some(disabled(symptom));
    }
    match symptom.code.as_str() {
        "ERR_DLOPEN_DISABLED" => return Some(super::addons::disabled(symptom, context)),
        "ERR_LOAD_SQLITE_EXTENSION" => return Some(sqlite()),
        "ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED" => return Some(engine()),
        "ERR_INVALID_STATE" if symptom.says_any(&["vfs", "VFS", "virtual file"]) => {
            return Some(vfs());
        }
        _ => {}
    }
    let restricted = symptom.says("Access to this API has been restricted");
    if symptom.code != "ERR_ACCESS_DENIED" && !restricted {
        return None;
    }
    if symptom.says("process.binding") || symptom.comes_from(&["process.binding"]) {
        return Some(binding());
    }
    Some(match scope(symptom) {
        Scope::Read => file(symptom, context, false),
        Scope::Write => file(symptom, context, true),
        Scope::Child => child(symptom, context),
        Scope::Worker => worker(symptom, context),
        Scope::Net => net(symptom, context),
        Scope::Wasi => switch(
            context,
            &Access::Wasi,
            Code::NodeWasi,
            "Node refuses WASI",
            "--allow-wasi",
            "The manual says WASI preopens can expose files; Node ignores its file grants for \
             them, inside a boundary the kernel's grants hold.",
        ),
        Scope::Ffi => switch(
            context,
            &Access::Ffi,
            Code::NodeFfi,
            "Node refuses FFI",
            "--allow-ffi",
            "",
        ),
        Scope::Inspector => switch(
            context,
            &Access::Inspector,
            Code::NodeInspector,
            "Node refuses the inspector",
            "--allow-inspector",
            "",
        ),
        Scope::OpensslStore => Explanation::new(
            Code::NodeOpensslStore,
            FLAGS,
            "Node refuses the certificate store of OpenSSL under its permission model",
        )
        .instead("use the built-in store, or read the certificates with `ca` and grant the file in fs.read"),
        Scope::Unknown => unknown(symptom),
    })
}

enum Scope {
    Read,
    Write,
    Child,
    Worker,
    Net,
    Wasi,
    Ffi,
    Inspector,
    OpensslStore,
    Unknown,
}

fn scope(symptom: &Symptom) -> Scope {
    match symptom.permission.as_str() {
        "FileSystemRead" => return Scope::Read,
        "FileSystemWrite" => return Scope::Write,
        "ChildProcess" => return Scope::Child,
        "WorkerThreads" => return Scope::Worker,
        "Net" => return Scope::Net,
        "WASI" => return Scope::Wasi,
        "FFI" => return Scope::Ffi,
        "Inspector" => return Scope::Inspector,
        _ => {}
    }
    for (flag, scope) in [
        ("--allow-fs-read", Scope::Read),
        ("--allow-fs-write", Scope::Write),
        ("--allow-child-process", Scope::Child),
        ("--allow-worker", Scope::Worker),
        ("--allow-net", Scope::Net),
        ("--allow-wasi", Scope::Wasi),
        ("--allow-ffi", Scope::Ffi),
        ("--allow-inspector", Scope::Inspector),
        ("--allow-openssl-store", Scope::OpensslStore),
    ] {
        if symptom.says(flag) {
            return scope;
        }
    }
    let network = ["connect", "bind", "listen", "send", "getaddrinfo"];
    if network.contains(&symptom.call()) || symptom.syscall.starts_with("query") {
        return Scope::Net;
    }
    Scope::Unknown
}

fn file(symptom: &Symptom, context: &Context<'_>, write: bool) -> Explanation {
    let (code, verb, flag) = if write {
        (Code::NodeFileWrite, "write", "--allow-fs-write")
    } else {
        (Code::NodeFileRead, "read", "--allow-fs-read")
    };
    let path = if symptom.resource.is_empty() { &symptom.path } else { &symptom.resource };
    if path.is_empty() {
        return Explanation::new(
            code,
            FLAGS,
            format!("Node's permission model refused to {verb} a path that the text does not name"),
        )
        .instead("print the error's `resource` (console.error(error) shows it) and explain that")
        .flag(format!("{flag}=PATH"));
    }
    // mkdtemp names a pattern.
    let path = path.trim_end_matches("XXXXXX");
    let Some(absolute) = context.absolute(path) else {
        return super::files::relative(path, code, FLAGS).flag(format!("{flag}={}", shown(path)));
    };
    let path = absolute.as_str();
    let access = if write { Access::Write(path.into()) } else { Access::Read(path.into()) };
    let what = format!("Node's permission model refused to {verb} {}", shown(path));
    let mut explanation = settled(Explanation::new(code, FLAGS, what), &access, context)
        .flag(format!("{flag}={}", shown(&flag_path(path))));
    if paths::name(path).starts_with(".env") && !write {
        explanation.cause.push_str(
            "; dotenv says nothing about it and the service starts without these variables",
        );
    }
    if !explanation.grants().is_empty()
        && let Some(says) = file_row(symptom, path, write)
    {
        explanation = explanation.manual(says);
    }
    explanation
}

/// What Node's own flag should name: a package's folder for a file in it.
fn flag_path(path: &str) -> String {
    match path.find("/node_modules/") {
        Some(at) => path.get(..at + "/node_modules".len()).unwrap_or(path).to_owned(),
        None => path.to_owned(),
    }
}

/// Where the manual's rows about files and this Node differ.
fn file_row(symptom: &Symptom, path: &str, write: bool) -> Option<&'static str> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    if write {
        return None;
    }
    if ends(&[".pem", ".crt", ".cer", ".ca"]) || paths::is_in(path, "/etc/ssl") {
        return Some(
            "The manual says a denied CA bundle makes TLS fail; Node reads its own stores and \
             NODE_EXTRA_CA_CERTS without asking. Only a file that the program itself reads \
             (fs.readFileSync) needs the grant.",
        );
    }
    let loading = ends(&[".js", ".mjs", ".cjs", ".ts", "/package.json"])
        && symptom.comes_from(&["node:internal/modules", "Module._", "package_json_reader"]);
    loading.then_some(
        "The manual says the entry file needs the grant; Node 22 and later read it without one \
         (not behind a symlink, and not on 20). What fails is the first file it imports.",
    )
}

fn child(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let program = symptom.resource.as_str();
    let what = if program.is_empty() {
        "Node's permission model refused to start a program".to_owned()
    } else {
        format!("Node's permission model refused to start {}", shown(program))
    };
    let mut explanation = Explanation::new(Code::NodeChildProcess, FLAGS, what);
    let path = if program.starts_with('/') {
        Some(program.to_owned())
    } else {
        context.host.program(program)
    };
    explanation = match path {
        Some(path) => settled(explanation, &Access::Exec(path), context),
        None if judge::never(&Access::Exec(format!("/{program}")), context).is_some() => {
            settled(explanation, &Access::Exec(format!("/{program}")), context)
        }
        None => explanation.instead(
            "list its absolute path (`command -v` prints it) in process.children; inside a \
             boundary only those programs can be started",
        ),
    };
    let tests =
        symptom.comes_from(&["node:internal/test_runner", "test_runner/"]) || symptom.says("test");
    explanation = explanation.flag("--allow-child-process");
    if tests {
        explanation = explanation.manual(
            "The manual says child test processes need inherited grants; Node hands them on by \
             itself. `node --test` needs --allow-child-process, or --test-isolation=none and only \
             read grants.",
        );
    }
    explanation
}

fn worker(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let hooks = symptom.comes_from(&[
        "module.register",
        "internal/modules/esm/hooks",
        "Hooks",
        "register (",
    ]) || symptom.says("register");
    let what = if hooks {
        "Node's permission model refused the worker thread that module.register starts for hooks"
    } else {
        "Node's permission model refused to start a worker thread"
    };
    let explanation = Explanation::new(Code::NodeWorker, FLAGS, what);
    let explanation = settled(explanation, &Access::Worker, context).flag("--allow-worker");
    if hooks {
        return explanation.manual(
            "The manual says --allow-worker only where workers are required; module.register is \
             such a place. module.registerHooks does the same without a thread.",
        );
    }
    explanation.manual(
        "The manual says to grant workers only where required; on Node 22 to 26 a worker with \
         `execArgv: []` leaves Node's permissions altogether. In a boundary it stays in it.",
    )
}

fn switch(
    context: &Context<'_>,
    access: &Access,
    code: Code,
    what: &str,
    flag: &str,
    manual: &str,
) -> Explanation {
    let explanation = Explanation::new(code, FLAGS, format!("{what} under its permission model"));
    let explanation = settled(explanation, access, context).flag(flag);
    if manual.is_empty() { explanation } else { explanation.manual(manual) }
}

/// Node's own refusal names a host at most; the preload's says that it is the boundary's.
fn net(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    if !symptom.missing.is_empty() || symptom.says("granted by the boundary") {
        return brokered(symptom, context);
    }
    let listens = matches!(symptom.call(), "bind" | "listen");
    let manual = "The manual says to normalise host and port; Node matches neither: without \
         --allow-net every address is refused, with it none. Host and port are decided by \
         ringfence's broker.";
    let what = match (symptom.hostname.as_str(), symptom.port) {
        ("", None) => "Node refused the network as a whole: it was started with --permission and \
             without --allow-net"
            .to_owned(),
        ("", Some(port)) => format!(
            "Node refused the network as a whole, here {} port {port}: it was started with \
             --permission and without --allow-net",
            shown(&symptom.address)
        ),
        (host, _) => format!(
            "Node refused the network as a whole, here the look-up of {}: it was started with \
             --permission and without --allow-net",
            shown(host)
        ),
    };
    let explanation =
        Explanation::new(Code::NodeNet, FLAGS, what).manual(manual).flag("--allow-net");
    let target = Target::parse(if symptom.hostname.is_empty() {
        &symptom.address
    } else {
        &symptom.hostname
    });
    match (target, symptom.port) {
        (Some(target), None)
            if judge::never(&Access::Connect(Transport::Tcp, target.clone(), 80), context)
                .is_some() =>
        {
            settled(explanation, &Access::Connect(Transport::Tcp, target, 80), context)
        }
        (Some(target), Some(port)) if !listens => {
            let access = Access::Connect(Transport::Tcp, target, port);
            let mut told = settled(explanation, &access, context);
            if told.code == Code::GrantedAlready {
                told = told.instead(STARTED_BARE);
            }
            told
        }
        _ => explanation.instead(STARTED_BARE),
    }
}

const STARTED_BARE: &str = "start it with `ringfence run`, which passes --allow-net where this \
     Node has it; list what it reaches in net.connect (\"HOST:PORT\") and net.listen";

/// A refusal of the broker.
fn brokered(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let resource = asked_for(symptom);
    let resource = resource.as_str();
    let what = format!("ringfence's broker refused {}", shown(resource));
    let broker = Some(Layer::Broker);
    if resource.starts_with('/') {
        let explanation = Explanation::new(Code::UnixNotGranted, broker, what);
        return settled(explanation, &Access::Unix(resource.into()), context);
    }
    let listens = matches!(symptom.call(), "listen" | "bind");
    if listens && let Ok(address) = resource.parse::<SocketAddr>() {
        let explanation = Explanation::new(Code::ListenNotGranted, broker, what);
        return settled(explanation, &Access::Listen(Transport::Tcp, address), context);
    }
    let explanation = Explanation::new(Code::ConnectNotGranted, broker, what);
    let udp = symptom.call() == "send" || symptom.missing.starts_with("net.udp ");
    let (transport, code) = if udp {
        (Transport::Udp, Code::UdpNotGranted)
    } else {
        (Transport::Tcp, Code::ConnectNotGranted)
    };
    let asked = || {
        let (host, port) = endpoint(resource)?;
        Some(Access::Connect(transport, Target::parse(host)?, port))
    };
    match Access::of_line(&symptom.missing).or_else(asked) {
        Some(access) => {
            let other = super::network::has_other_port(&access, context);
            let code = if other { Code::PortNotGranted } else { code };
            settled(Explanation { code, ..explanation }, &access, context)
        }
        None => super::names::lookup(resource, "ERR_ACCESS_DENIED", symptom, context),
    }
}

/// What a refusal is about: half of an error still tells it in its message.
fn asked_for(symptom: &Symptom) -> String {
    match (symptom.resource.as_str(), symptom.port) {
        ("", Some(port)) if symptom.ip().is_some_and(|ip| ip.is_ipv6()) => {
            format!("[{}]:{port}", symptom.address.trim_matches(['[', ']']))
        }
        ("", Some(port)) if !symptom.address.is_empty() => format!("{}:{port}", symptom.address),
        ("", _) if !symptom.hostname.is_empty() => symptom.hostname.clone(),
        ("", _) => symptom.path.clone(),
        (resource, _) => resource.to_owned(),
    }
}

fn disabled(symptom: &Symptom) -> Explanation {
    let api = symptom.message.split(" API").next().unwrap_or_default();
    let api = api.rsplit(' ').next().unwrap_or_default();
    Explanation::new(
        Code::NodeApiDisabled,
        FLAGS,
        format!(
            "Node switches {} off under its permission model, whatever is granted",
            if api.is_empty() { "this call".to_owned() } else { shown(api) }
        ),
    )
    .instead(match api.trim_start_matches("fs.") {
        "fsync" | "fsyncSync" | "fdatasync" | "fdatasyncSync" => {
            "no grant allows this call: where data must survive a power failure, set \
             process.node-flags = false, and the layers of the kernel hold the service alone"
        }
        "symlink" | "symlinkSync" => {
            "make links when the image is built: no grant allows this call; process.node-flags = \
             false leaves Node's own permissions out"
        }
        _ => {
            "change mode, owner and times by path (fs.chmod, fs.chown, fs.utimes): no grant allows \
             this call; process.node-flags = false leaves Node's own permissions out"
        }
    })
}

fn sqlite() -> Explanation {
    Explanation::new(
        Code::NodeSqliteExtension,
        FLAGS,
        "node:sqlite loads no extensions under Node's permission model",
    )
    .instead("do without the extension: no flag and no grant allows it")
}

fn engine() -> Explanation {
    Explanation::new(
        Code::NodeApiDisabled,
        FLAGS,
        "Node loads no OpenSSL engines under its permission model",
    )
    .instead("do without the engine, or use a provider that is built in: no grant allows it")
}

fn vfs() -> Explanation {
    Explanation::new(
        Code::NodeVfs,
        FLAGS,
        "Node refuses its virtual file system under its permission model; it says \
         ERR_INVALID_STATE and not ERR_ACCESS_DENIED",
    )
    .instead("read ordinary files that fs.read grants: ringfence never passes --allow-fs-vfs")
    .flag("--allow-fs-vfs")
}

fn binding() -> Explanation {
    Explanation::new(
        Code::NodeApiDisabled,
        FLAGS,
        "Node refuses process.binding under its permission model: it would lead around it",
    )
    .instead("use the public module, or a version of the package that does: no grant allows it")
}

fn unknown(symptom: &Symptom) -> Explanation {
    let path = symptom.resource.as_str();
    let what = if path.is_empty() {
        "Node's permission model refused something that the text does not name".to_owned()
    } else {
        format!("Node's permission model refused {}", shown(path))
    };
    Explanation::new(Code::NodeApiDisabled, FLAGS, what)
        .instead("print the error's `permission` and `resource` (console.error(error) shows both) and explain that")
        .likely()
}
