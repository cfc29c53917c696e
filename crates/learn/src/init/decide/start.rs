//! Which program is started, and by which words.

use super::super::InitError;
use super::super::facts::{Fact, Facts, Origin, Start};
use super::super::page::Ground;
use super::super::source::{follow, script_of};
use ringfence_policy::display::quoted;
use ringfence_project::command::{NodeCommand, redact};
use std::path::Path;

/// Files that are usually the entry of a service, where nothing says it.
const USUAL: [&str; 16] = [
    "server.js",
    "server.mjs",
    "server.cjs",
    "src/server.js",
    "src/server.mjs",
    "dist/server.js",
    "dist/server.mjs",
    "dist/main.js",
    "dist/index.js",
    "src/main.js",
    "src/index.js",
    "src/index.mjs",
    "app.js",
    "app.mjs",
    "index.js",
    "index.mjs",
];

/// Options of Node that would open the boundary and are refused there.
const OPENING: [&str; 7] = [
    "--inspect",
    "--inspect-brk",
    "--inspect-port",
    "--inspect-wait",
    "--experimental-config-file",
    "--experimental-default-config-file",
    "--debug-port",
];

/// The start that the draft has.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Program and arguments, without what looks secret.
    pub(crate) words: Vec<String>,
    /// Whether something was taken out of them: then they start nothing.
    pub(crate) redacted: bool,
    /// Why these.
    pub(crate) ground: Ground,
    /// Variables in front of it, and where they stand.
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) origin: Origin,
    /// The script, relative to the folder, when it is a file of the project.
    pub(crate) entry: Option<String>,
    /// Where the arguments of the script begin.
    pub(crate) arguments: usize,
}

pub(crate) fn choose(folder: &Path, facts: &mut Facts) -> Result<Chosen, InitError> {
    let mut candidates: Vec<Chosen> = Vec::new();
    for start in std::mem::take(&mut facts.starts) {
        match candidate(folder, &start, facts) {
            Ok(chosen) => candidates.push(chosen),
            Err(why) => facts.note(format!("{}: {why}", start.origin)),
        }
    }
    let there = |one: &Chosen| one.entry.as_ref().is_none_or(|entry| folder.join(entry).is_file());
    let at = candidates.iter().position(there).unwrap_or(0);
    let Some(chosen) = candidates.get(at).cloned() else {
        return guessed(folder, facts).ok_or_else(|| {
            InitError::NoStart(folder.to_path_buf(), std::mem::take(&mut facts.notes))
        });
    };
    for other in candidates.iter().filter(|other| other.words != chosen.words) {
        let missing = if there(other) { "" } else { ", whose script is not there" };
        facts.note(format!(
            "{} starts `{}`{missing}; the draft has `{}` of {}",
            other.origin,
            quoted(&other.words.join(" ")),
            quoted(&chosen.words.join(" ")),
            chosen.origin,
        ));
    }
    if let Some(entry) = chosen.entry.as_ref().filter(|_| !there(&chosen)) {
        facts.note(format!("{} is not there yet: build the project first", quoted(entry)));
    }
    Ok(chosen)
}

/// A start as the boundary has it: scripts followed, paths of an image counted from the project.
fn candidate(folder: &Path, start: &Fact<Start>, facts: &mut Facts) -> Result<Chosen, String> {
    let mut words = start.value.words.clone();
    let mut variables = start.value.variables.clone();
    if let Some(script) = script_of(&words) {
        let Some((_, package)) = &facts.package else {
            return Err("it starts a script, and there is no package.json".to_owned());
        };
        let followed = follow(package, &script, 0)?;
        words = followed.words;
        variables.extend(followed.variables);
    }
    let paths = start.value.root.is_some();
    let outside = |facts: &Facts, word: &str| {
        if paths { facts.outside(word) } else { word.to_owned() }
    };
    let mut entry = None;
    let mut arguments = 1;
    if let Some(node) = NodeCommand::read(&words) {
        let program = if paths { "node".to_owned() } else { node.program.clone() };
        words = vec![program];
        for option in node.options {
            if OPENING.contains(&option.split('=').next().unwrap_or(&option)) {
                facts.note(format!(
                    "{}: {} is left out of the start",
                    start.origin,
                    quoted(&option)
                ));
            } else {
                words.push(option);
            }
        }
        if let Some(script) = node.script {
            let script = outside(facts, &script);
            entry = file_of(folder, &script);
            words.push(script);
        }
        arguments = words.len();
        words.extend(node.arguments);
    } else if let Some(first) = words.first_mut() {
        *first = outside(facts, first);
        if first.contains('/') && !first.starts_with('/') {
            entry = file_of(folder, first);
        }
    }
    // Before anything is said or made of it.
    let redacted = redact(&mut words);
    let said = start.value.said.clone();
    let ground = Ground::From(start.origin.clone(), said);
    let origin = start.origin.clone();
    Ok(Chosen { words, redacted, ground, variables, origin, entry, arguments })
}

/// The file that `node SCRIPT` runs, relative to the folder; also when it is not there yet.
fn file_of(folder: &Path, script: &str) -> Option<String> {
    let inside = match script.strip_prefix('/') {
        Some(_) => Path::new(script).strip_prefix(folder).ok()?.to_str()?.to_owned(),
        None => script.to_owned(),
    };
    let normal = ringfence_policy::paths::normal(&inside);
    if normal.split('/').any(|part| part == "..") {
        return None;
    }
    let main = || {
        let text = ringfence_project::walk::text(&folder.join("package.json"), 1 << 20).ok()?;
        Some(ringfence_project::package::parse(&text).ok()?.main?.value)
    };
    let own = if normal == "." {
        main().map(|main| ringfence_policy::paths::normal(&main))
    } else {
        None
    };
    let base = own.unwrap_or(normal);
    for ending in ["", ".js", ".cjs", ".mjs", ".json", "/index.js", "/index.mjs", "/index.cjs"] {
        let path = if base == "." {
            ending.trim_start_matches('/').to_owned()
        } else {
            format!("{base}{ending}")
        };
        if folder.join(&path).is_file() {
            return Some(path);
        }
    }
    Some(base)
}

/// What starts it when nothing says so: `main`, `bin`, a usual name, the one command installed.
fn guessed(folder: &Path, facts: &Facts) -> Option<Chosen> {
    let package = facts.package.as_ref();
    let node = |entry: String, because: String, origin: Origin| {
        let words = vec!["node".to_owned(), entry.clone()];
        let ground = Ground::guess(because);
        Chosen {
            words,
            redacted: false,
            ground,
            variables: Vec::new(),
            origin,
            entry: Some(entry),
            arguments: 2,
        }
    };
    if let Some((file, package)) = package {
        let bins = package.bin.iter().map(|(_, file)| ("bin", file));
        for (key, path) in package.main.iter().map(|main| ("main", main)).chain(bins) {
            let origin = Origin::new(file, path.line);
            if let Some(entry) =
                file_of(folder, &path.value).filter(|path| folder.join(path).is_file())
            {
                return Some(node(entry, format!("`{key}` at {origin} names it"), origin));
            }
        }
    }
    let origin = Origin::new(package.map_or("package.json", |(file, _)| file), 0);
    if let Some(usual) = USUAL.iter().find(|path| folder.join(path).is_file()) {
        return Some(node((*usual).to_owned(), "a file of this name is there".to_owned(), origin));
    }
    let (_, package) = package?;
    let run = package.dependencies.iter().filter(|one| !one.development);
    let own = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let mut commands =
        run.filter(|one| folder.join("node_modules/.bin").join(own(&one.name)).exists());
    let (only, other) = (commands.next()?, commands.next());
    let because = format!("{} is the only dependency with a command of its name", only.name);
    let chosen = Chosen {
        words: vec![own(&only.name)],
        redacted: false,
        ground: Ground::guess(because),
        variables: Vec::new(),
        origin,
        entry: None,
        arguments: 1,
    };
    other.is_none().then_some(chosen)
}

impl Chosen {
    /// What the program gets.
    pub(crate) fn arguments(&self) -> &[String] {
        self.words.get(self.arguments..).unwrap_or_default()
    }
}
