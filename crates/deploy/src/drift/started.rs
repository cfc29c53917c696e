//! The command that a container or a process runs, compared with what the boundary starts.
//!
//! Right is `ringfence run` with enforcement, or the boundary's own program without a shell and
//! without a package manager around it.

use crate::render::{Entry, Order};
use ringfence_project::dockerfile;

/// Small first processes that start what follows them.
const INITS: [&str; 5] = ["catatonit", "docker-entrypoint.sh", "dumb-init", "tini", "tini-static"];
/// Programs that start packages.
const MANAGERS: [&str; 8] = ["bun", "bunx", "corepack", "npm", "npx", "pnpm", "yarn", "yarnpkg"];
/// Shells.
const SHELLS: [&str; 7] = ["ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"];

/// What is weaker in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Stable code.
    pub(crate) code: &'static str,
    /// What the boundary asks for.
    pub(crate) wanted: String,
    /// What is there.
    pub(crate) there: String,
    /// Why it matters.
    pub(crate) why: &'static str,
}

/// A command, judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Started {
    /// How the service is started; `None` when neither way is recognised.
    pub(crate) entry: Option<Entry>,
    /// What is weaker.
    pub(crate) weaker: Vec<Found>,
}

/// Judges an argument vector.
pub(crate) fn judge(order: &Order<'_>, words: &[String]) -> Started {
    let wanted = order.ringfence_command().join(" ");
    let mut started = Started::default();
    let words = behind_inits(words);
    let found = || words.join(" ");
    let mut weaker = |code, wanted: &str, found: String, why| {
        started.weaker.push(Found { code, wanted: wanted.to_owned(), there: found, why });
    };
    let Some(program) = words.first().map(|word| base_name(word)) else {
        weaker("missing-command", &wanted, "nothing".to_owned(), "nothing of the boundary runs");
        return started;
    };
    if SHELLS.contains(&program) {
        let why = "a shell is started first, and must be there";
        weaker("shell-command", "the program itself", found(), why);
        let runs_npm = dockerfile::commands(&words.join(" "))
            .iter()
            .any(|command| command.first().is_some_and(|word| MANAGERS.contains(&base_name(word))));
        if runs_npm {
            weaker("package-manager-start", "the program itself", found(), OF_MANAGERS);
        }
        return started;
    }
    if MANAGERS.contains(&program) {
        weaker("package-manager-start", "the program itself", found(), OF_MANAGERS);
        return started;
    }
    if program == "ringfence" {
        started.entry = Some(Entry::Ringfence);
        started.weaker.extend(ringfence(order, words));
        return started;
    }
    let own = order.boundary.service.start.first().map_or("node", |word| word.value.as_str());
    if program == base_name(own) {
        started.entry = Some(Entry::Node);
        if program == "node" {
            started.weaker.extend(node(order, words));
        }
        return started;
    }
    let why = "the boundary is about another program";
    weaker("other-command", &wanted, found(), why);
    started
}

const OF_MANAGERS: &str =
    "it stands between the service and its signals, and is one more program in the image";

fn ringfence(order: &Order<'_>, words: &[String]) -> Option<Found> {
    let runs = words.get(1).is_some_and(|verb| verb == "run");
    (!runs).then(|| Found {
        code: "not-enforced",
        wanted: order.ringfence_command().join(" "),
        there: words.join(" "),
        why: "only `ringfence run` enforces",
    })
}

/// Flags of Node that the boundary asks for, and those that it forbids.
fn node(order: &Order<'_>, words: &[String]) -> Vec<Found> {
    let process = &order.boundary.process;
    let options: Vec<&str> = words
        .iter()
        .skip(1)
        .map(String::as_str)
        .take_while(|word| word.starts_with('-') && *word != "--")
        .collect();
    let named = |names: &[&str]| {
        options.iter().find(|word| names.contains(&word.split('=').next().unwrap_or(word))).copied()
    };
    let mut all = Vec::new();
    let mut weaker = |code, wanted: &str, found: &str, why| {
        all.push(Found { code, wanted: wanted.to_owned(), there: found.to_owned(), why });
    };
    let on = named(&["--permission", "--experimental-permission"]);
    let off = named(&["--no-permission", "--no-experimental-permission", "--permission-audit"]);
    if process.node_flags && (on.is_none() || off.is_some()) {
        let why = "nothing of the boundary is enforced: start it with ringfence run, or with the \
                   flags of `ringfence render node`";
        weaker("missing-permission", "--permission", off.unwrap_or("nothing"), why);
    }
    for (names, granted, code) in [
        (&["--allow-worker"][..], process.workers, "wider-flag"),
        (&["--allow-child-process"], !process.children.is_empty(), "wider-flag"),
        (&["--allow-addons"], !process.addons.is_empty(), "wider-flag"),
        (&["--allow-wasi"], process.wasi, "wider-flag"),
        (&["--allow-ffi", "--experimental-ffi"], process.ffi, "wider-flag"),
        (&["--allow-inspector"], process.inspector, "wider-flag"),
        (&["--inspect", "--inspect-brk", "--inspect-wait"], process.inspector, "inspector"),
    ] {
        if let Some(flag) = named(names).filter(|_| !granted) {
            weaker(
                code,
                "not granted",
                flag,
                "Node lets the service do what the boundary does not",
            );
        }
    }
    all.extend(paths(order, &options));
    all
}

/// Paths in flags that no grant covers.
fn paths(order: &Order<'_>, options: &[&str]) -> Vec<Found> {
    let fs = &order.boundary.fs;
    let text = |list: &[ringfence_policy::source::Located<String>]| -> Vec<String> {
        list.iter().map(|path| order.path(&path.value)).collect()
    };
    let write: Vec<String> = text(&fs.write);
    let mut read =
        [text(&fs.read), text(&fs.optional), text(&fs.droppable), write.clone()].concat();
    for secret in &order.boundary.secrets {
        if let ringfence_policy::model::Delivery::File(to) = &secret.delivery {
            read.push(to.value.clone());
        }
    }
    let mut all = Vec::new();
    for (flag, grants) in [("--allow-fs-read", &read), ("--allow-fs-write", &write)] {
        let grants: Vec<&str> = grants.iter().map(String::as_str).chain(["/tmp"]).collect();
        let start = format!("{flag}=");
        let given = options.iter().filter_map(|word| word.strip_prefix(start.as_str()));
        for path in given.filter(|path| !covers(order, &grants, path)) {
            all.push(Found {
                code: "wider-flag",
                wanted: "a granted path".to_owned(),
                there: format!("{flag}={path}"),
                why: "Node lets the service reach what is not granted",
            });
        }
    }
    all
}

/// Whether a path of a flag lies in a granted one.
fn covers(order: &Order<'_>, grants: &[&str], path: &str) -> bool {
    // Everything that begins so: it has to begin inside of a granted folder.
    if let Some((start, _)) = path.split_once('*') {
        let start = if start.starts_with('/') || start.is_empty() {
            start.to_owned()
        } else {
            order.path(start)
        };
        return grants
            .iter()
            .any(|grant| start.starts_with(&format!("{}/", grant.trim_end_matches('/'))));
    }
    let path = order.path(path);
    grants.iter().any(|grant| {
        let grant = grant.trim_end_matches('/');
        path.strip_prefix(grant).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Without the small first processes and their options.
fn behind_inits(words: &[String]) -> &[String] {
    let mut rest = words;
    while let Some(first) = rest.first() {
        if !INITS.contains(&base_name(first)) {
            break;
        }
        let next = rest.iter().skip(1).position(|word| !word.starts_with('-'));
        rest = next.and_then(|next| rest.get(next + 1..)).unwrap_or_default();
    }
    rest
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
