//! A `node --permission` command, compared with the boundary.
//!
//! Only what Node's flags can say is compared: what they cannot say is open, which `render node` notes.
//! The command is looked for in a script of `package.json`, in a shell script, or in a line of its own.

use super::{Comparison, Deployed, Drift, DriftError};
use crate::render::Order;
use crate::render::node::{Place, wanted};
use ringfence_boundary::node::Grants;
use std::path::{Component, Path, PathBuf};

/// A word, and the line it begins on, from 1.
type Word = (String, usize);

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    let is_json = deployed.text.trim_start().starts_with('{');
    let commands = if is_json { scripts(deployed)? } else { commands(deployed.text, 1) };
    let mut comparison = Comparison::default();
    let foreign = if is_json { Vec::new() } else { script(order, &commands) };
    for command in commands {
        let (assigned, argv) = assignments(&command);
        if !starts_node(argv) {
            continue;
        }
        for (name, line) in assigned {
            comparison.compared += 1;
            if ringfence_policy::environment::refused(&name).is_some() {
                let found = format!("{name} set");
                comparison.drifts.push(Drift::new(
                    "code-from-environment",
                    &name,
                    Some(line),
                    "nothing",
                    &found,
                    "this variable loads code into the program, or switches its flags off",
                ));
            }
        }
        let words: Vec<String> = argv.iter().map(|(word, _)| word.clone()).collect();
        let mut inner = compare_words(order, &words, Place::Beside);
        let first = argv.first().map(|(_, line)| *line);
        for drift in &mut inner.drifts {
            let word = argv.iter().find(|(word, _)| *word == drift.found);
            drift.line = word.map(|(_, line)| *line).or(first).filter(|_| drift.found != "nothing");
        }
        comparison.drifts.extend(inner.drifts);
        comparison.compared += inner.compared;
    }
    if comparison.compared == 0 {
        let service = order.name().to_owned();
        let path = deployed.path.to_owned();
        return Err(DriftError::Foreign { path, service, found: Vec::new() });
    }
    comparison.drifts.extend(foreign);
    comparison.drifts.sort_by_key(|drift| drift.line.unwrap_or(usize::MAX));
    Ok(comparison)
}

/// What a shell script says beyond what `render node` writes into one: only that is known to do
/// nothing else than to start the service.
fn script(order: &Order<'_>, found: &[Vec<Word>]) -> Vec<Drift> {
    let rendered = crate::render::node::render(order).ok();
    let text = rendered.and_then(|rendered| rendered.files.into_iter().next());
    let known = text.map(|(_, text)| commands(&text, 1)).unwrap_or_default();
    let bare = |command: &[Word]| command.iter().map(|(word, _)| word.clone()).collect::<Vec<_>>();
    let start = known.iter().find(|command| starts_node(assignments(command).1));
    let start = start.map(Vec::as_slice).unwrap_or_default();
    let asked = bare(assignments(start).1);
    let mut all = Vec::new();
    for command in found {
        let argv = assignments(command).1;
        let before = command.get(..command.len() - argv.len()).unwrap_or_default();
        let is_known =
            |word: &Word| word.0 == "exec" || start.iter().any(|(known, _)| *known == word.0);
        let words = bare(argv);
        let foreign = if known.iter().any(|known| bare(known) == bare(command)) {
            None
        } else if let Some((word, line)) = before.iter().find(|word| !is_known(word)) {
            Some((word.split('=').next().unwrap_or_default().to_owned(), *line))
        } else if starts_node(argv) {
            let rest = words.get(1..).unwrap_or_default();
            let program = words.first().filter(|program| {
                asked.first() != Some(program) && !PROGRAMS.contains(&program.as_str())
            });
            let word = program.map(String::as_str);
            let word = word.or_else(|| foreign_behind(rest, asked.get(1..).unwrap_or_default()));
            word.map(|word| (word.to_owned(), argv.first().map_or(1, |(_, line)| *line)))
        } else {
            argv.first().cloned()
        };
        all.extend(foreign.map(|(word, line)| {
            let wanted = "what `ringfence render node` writes";
            let why = "this is not known to be harmless";
            Drift::new("unknown-setting", "script", Some(line), wanted, &word, why)
        }));
    }
    all
}

/// Names and places of Node.
const PROGRAMS: [&str; 3] = ["node", "/usr/bin/node", "/usr/local/bin/node"];

/// Compares the words of one command that starts Node.
pub(super) fn compare_words(order: &Order<'_>, argv: &[String], place: Place) -> Comparison {
    let mut comparison = Comparison::default();
    if !order.boundary.process.node_flags {
        comparison.compared += 1;
        comparison.drifts.push(Drift::new(
            "not-enforced",
            "node",
            None,
            "ringfence run",
            argv.first().map_or("node", String::as_str),
            "the boundary leaves Node's permissions out: nothing holds this command",
        ));
        return comparison;
    }
    let grants = wanted(order, place);
    let options: Vec<&String> =
        argv.iter().skip(1).take_while(|word| word.starts_with('-')).collect();
    comparison.compared += 1;
    let on =
        |word: &&&String| matches!(word.as_str(), "--permission" | "--experimental-permission");
    if !options.iter().any(|word| on(&word)) {
        comparison.drifts.push(Drift::new(
            "no-permission",
            "--permission",
            None,
            "--permission",
            "nothing",
            "without it every other permission flag is without effect",
        ));
    }
    for option in options {
        comparison.compared += 1;
        if let Some((code, wanted, why)) = judge(order, option, &grants, place) {
            let name = option.split('=').next().unwrap_or(option);
            comparison.drifts.push(Drift::new(code, name, None, &wanted, option, why));
        }
    }
    comparison
}

/// The first word that is neither of the boundary's command nor known to be harmless, for a command
/// with absolute paths: another program, script or argument, or an option nobody judged.
pub(super) fn foreign_word<'a>(order: &Order<'_>, argv: &'a [String]) -> Option<&'a str> {
    let (first, rest) = argv.split_first()?;
    let Ok(wanted) = crate::render::node::command(order) else { return Some(first) };
    if wanted.first() != Some(first) && !PROGRAMS.contains(&first.as_str()) {
        return Some(first);
    }
    foreign_behind(rest, wanted.get(1..).unwrap_or_default())
}

/// The same of what stands behind the program.
fn foreign_behind<'a>(rest: &'a [String], wanted: &[String]) -> Option<&'a str> {
    let split = |words: &[String]| words.iter().take_while(|word| word.starts_with('-')).count();
    let (options, script) = rest.split_at(split(rest));
    let (known, asked) = wanted.split_at(split(wanted));
    let foreign = |word: &&String| {
        let name = word.split('=').next().unwrap_or(word);
        let expands = word.contains(['$', '`']);
        !known.contains(word) && (expands || !(JUDGED.contains(&name) || HARMLESS.contains(&name)))
    };
    let option = options.iter().find(foreign);
    let other = script.iter().zip(asked).find(|(is, wanted)| is != wanted).map(|(is, _)| is);
    let more = script.get(asked.len());
    let less = (script.len() < asked.len()).then_some("a missing argument");
    option.or(other).or(more).map(String::as_str).or(less)
}

/// Options that [`judge`] knows.
const JUDGED: [&str; 24] = [
    "--allow-addons",
    "--allow-child-process",
    "--allow-ffi",
    "--allow-fs-read",
    "--allow-fs-write",
    "--allow-inspector",
    "--allow-net",
    "--allow-wasi",
    "--allow-worker",
    "--experimental-config-file",
    "--experimental-ffi",
    "--experimental-loader",
    "--experimental-permission",
    "--import",
    "--inspect",
    "--inspect-brk",
    "--inspect-wait",
    "--loader",
    "--no-experimental-permission",
    "--no-permission",
    "--permission",
    "--permission-audit",
    "--require",
    "-r",
];

/// Options that give the service nothing, or take something away.
const HARMLESS: [&str; 17] = [
    "--disable-proto",
    "--disable-warning",
    "--disallow-code-generation-from-strings",
    "--enable-source-maps",
    "--force-fips",
    "--frozen-intrinsics",
    "--jitless",
    "--max-http-header-size",
    "--max-old-space-size",
    "--max-semi-space-size",
    "--no-addons",
    "--no-deprecation",
    "--no-warnings",
    "--stack-trace-limit",
    "--throw-deprecation",
    "--trace-warnings",
    "--unhandled-rejections",
];

/// Code, what is wanted, and why; `None` for an option that gives nothing beyond the boundary.
fn judge(
    order: &Order<'_>,
    option: &str,
    grants: &Grants,
    place: Place,
) -> Option<(&'static str, String, &'static str)> {
    let (name, value) =
        option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
    let switch =
        |granted: bool, why| (!granted).then(|| ("more-permissions", "nothing".to_owned(), why));
    match name {
        "--allow-fs-read" | "--allow-fs-write" => {
            let list = if name == "--allow-fs-read" { &grants.read } else { &grants.write };
            let covered = value.is_some_and(|value| covers(order, list, value, place));
            let shown =
                list.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>();
            (!covered)
                .then(|| ("more-files", shown.join(" "), "the boundary does not grant this path"))
        }
        "--allow-net" => switch(grants.net, "the boundary grants no network"),
        "--allow-child-process" => switch(grants.child_process, "the boundary grants no programs"),
        "--allow-worker" => switch(grants.workers, "the boundary grants no workers"),
        "--allow-addons" => switch(grants.addons, "the boundary grants no native addons"),
        "--allow-wasi" => switch(grants.wasi, "the boundary grants no WASI"),
        "--allow-ffi" | "--experimental-ffi" => {
            switch(grants.ffi, "the boundary grants no foreign functions")
        }
        "--allow-inspector" | "--inspect" | "--inspect-brk" | "--inspect-wait" => {
            switch(grants.inspector, "the boundary grants no inspector")
        }
        "--no-permission" | "--permission-audit" | "--no-experimental-permission" => {
            Some(("no-permission", "nothing".to_owned(), "it switches the permissions off"))
        }
        "--require"
        | "-r"
        | "--import"
        | "--loader"
        | "--experimental-loader"
        | "--experimental-config-file" => {
            let known = order.boundary.service.start.iter().any(|word| word.value == option);
            switch(known, "it loads code that the boundary's command does not")
        }
        _ => None,
    }
}

/// Whether a path of a flag lies in one of the granted ones.
fn covers(order: &Order<'_>, list: &[PathBuf], value: &str, place: Place) -> bool {
    let whole = |path: &Path| -> PathBuf {
        let start = match place {
            Place::Target => Path::new(order.place).join(&order.boundary.service.cwd.value),
            Place::Beside => order.folder.join(&order.boundary.service.cwd.value),
        };
        let mut tidy = PathBuf::new();
        for part in start.join(path).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(tidy.pop()),
                part => tidy.push(part),
            }
        }
        tidy
    };
    // Everything behind a star is ignored by Node.
    if value.is_empty() || value.contains('*') {
        return false;
    }
    let path = whole(Path::new(value));
    list.iter().any(|granted| path.starts_with(whole(granted)))
}

/// Whether a command's program is Node.
fn starts_node(argv: &[Word]) -> bool {
    let name = argv.first().and_then(|(word, _)| word.rsplit('/').next());
    matches!(name, Some("node" | "nodejs" | "node.exe"))
}

/// Variables set for a command alone, and the command behind `exec` and `env`.
fn assignments(command: &[Word]) -> (Vec<Word>, &[Word]) {
    let mut rest = command;
    let mut names = Vec::new();
    while let Some(((word, line), behind)) = rest.split_first() {
        let name = word.split('=').next().unwrap_or_default();
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if word.contains('=') && is_name {
            names.push((name.to_owned(), *line));
        } else if !matches!(word.as_str(), "exec" | "env" | "export" | "command" | "cross-env") {
            break;
        }
        rest = behind;
    }
    (names, rest)
}

/// The commands of the scripts of a `package.json`.
fn scripts(deployed: Deployed<'_>) -> Result<Vec<Vec<Word>>, DriftError> {
    let value: serde_json::Value =
        serde_json::from_str(deployed.text).map_err(|error| DriftError::Malformed {
            path: deployed.path.to_owned(),
            line: error.line(),
            what: error.to_string(),
        })?;
    let mut found = Vec::new();
    let scripts = value.get("scripts").and_then(serde_json::Value::as_object);
    for (name, script) in scripts.into_iter().flatten() {
        // What the service runs, not what builds and tests it.
        if !(name == "start" || name.starts_with("start:") || name == "serve") {
            continue;
        }
        let key = format!("{name:?}");
        let line = deployed.text.lines().position(|line| line.trim_start().starts_with(&key));
        let line = line.map_or(1, |index| index + 1);
        let text = script.as_str().unwrap_or_default();
        found.extend(
            commands(text, line)
                .into_iter()
                .map(|command| command.into_iter().map(|(word, _)| (word, line)).collect()),
        );
    }
    Ok(found)
}

/// The commands of a shell text, as words; expansions stay as they are written.
fn commands(text: &str, first: usize) -> Vec<Vec<Word>> {
    let mut commands: Vec<Vec<Word>> = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut line = first;
    let mut characters = text.chars().peekable();
    let mut comment = false;
    while let Some(character) = characters.next() {
        let at = line;
        if character == '\n' {
            line += 1;
        }
        if comment {
            comment = character != '\n';
            continue;
        }
        let push = |word: &mut Option<Word>, character: char| {
            word.get_or_insert((String::new(), at)).0.push(character);
        };
        match (character, quote) {
            ('\\', None | Some('"')) => match characters.next() {
                Some('\n') => line += 1,
                Some(next) => push(&mut word, next),
                None => {}
            },
            (end, Some(begun)) if end == begun => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert((String::new(), at));
            }
            ('#', None) if word.is_none() => comment = true,
            ('\n' | ';' | '&' | '|', None) => {
                if let Some(command) = commands.last_mut() {
                    command.extend(word.take());
                }
                commands.push(Vec::new());
            }
            (space, None) if space.is_whitespace() => {
                if let Some(command) = commands.last_mut() {
                    command.extend(word.take());
                }
            }
            (other, _) => push(&mut word, other),
        }
    }
    if let Some(command) = commands.last_mut() {
        command.extend(word);
    }
    commands.retain(|command| !command.is_empty());
    commands
}
