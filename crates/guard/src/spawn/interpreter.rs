//! Programs that take code or other programs as arguments.
//!
//! They are told by the name that was asked for and by the name of the file it leads to. A copy of a
//! shell under another name is not seen: who can put one in a pinned folder needs none.

use std::ffi::CString;

/// What kind of program a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Neither of the others.
    Ordinary,
    /// Reads command lines.
    Shell,
    /// Runs what its arguments name, or has a language of its own that does.
    Launcher,
    /// Runs a file of code, or, with one of these options, an argument.
    Interpreter(&'static Code),
}

/// How an interpreter is told to take code from an argument.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// Letters of options, alone or in a cluster (`-Ic`).
    letters: &'static [u8],
    /// Whole options, also as `--option=value`.
    words: &'static [&'static str],
}

const SHELLS: [&str; 18] = [
    "sh", "ash", "bash", "csh", "dash", "elvish", "fish", "hush", "ksh", "mksh", "nu", "oksh",
    "osh", "pwsh", "rbash", "tcsh", "yash", "zsh",
];

const WINDOWS_SHELLS: [&str; 3] = ["cmd", "powershell", "wscript"];

const LAUNCHERS: [&str; 46] = [
    "awk",
    "busybox",
    "choom",
    "chroot",
    "chrt",
    "doas",
    "ed",
    "env",
    "ex",
    "expect",
    "find",
    "flock",
    "gawk",
    "gdb",
    "ionice",
    "ld.so",
    "lldb",
    "make",
    "mawk",
    "nawk",
    "nice",
    "nohup",
    "npx",
    "nsenter",
    "parallel",
    "pkexec",
    "runuser",
    "script",
    "setarch",
    "setpriv",
    "setsid",
    "ssh",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "toybox",
    "unshare",
    "vi",
    "vim",
    "watch",
    "xargs",
];

const PYTHON: Code = Code { letters: b"cm", words: &[] };
const PERL: Code = Code { letters: b"eEMmxi", words: &[] };
const RUBY: Code = Code { letters: b"er", words: &[] };
const PHP: Code = Code {
    letters: b"rBRFE",
    words: &["--run", "--process-begin", "--process-code", "--process-end"],
};
const LUA: Code = Code { letters: b"eli", words: &[] };
const NODE: Code = Code {
    letters: b"epri",
    words: &[
        "--eval",
        "--print",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "--interactive",
        "--run",
        "--build-snapshot-config",
        "--env-file",
    ],
};
const DENO: Code = Code { letters: b"e", words: &["eval", "--eval"] };

const INTERPRETERS: [(&str, &Code); 14] = [
    ("python", &PYTHON),
    ("pypy", &PYTHON),
    ("perl", &PERL),
    ("ruby", &RUBY),
    ("irb", &RUBY),
    ("php", &PHP),
    ("lua", &LUA),
    ("luajit", &LUA),
    ("tclsh", &LUA),
    ("nodejs", &NODE),
    ("node", &NODE),
    ("bun", &NODE),
    ("deno", &DENO),
    ("osascript", &LUA),
];

/// What kind of program this file name is; `python3.12`, `bash-5.2` and `cmd.exe` are `python`,
/// `bash` and `cmd`.
pub(super) fn kind(name: &str) -> Kind {
    let lower = name.to_ascii_lowercase();
    if LAUNCHERS.contains(&lower.as_str())
        || lower.starts_with("ld-linux")
        || lower.starts_with("ld-musl")
    {
        return Kind::Launcher;
    }
    let name = lower.strip_suffix(".exe").unwrap_or(&lower);
    let name =
        name.trim_end_matches(|last: char| last.is_ascii_digit() || matches!(last, '.' | '-'));
    if SHELLS.contains(&name) || WINDOWS_SHELLS.contains(&name) {
        return Kind::Shell;
    }
    if LAUNCHERS.contains(&name) {
        return Kind::Launcher;
    }
    let known = INTERPRETERS.iter().find(|(known, _)| *known == name);
    known.map_or(Kind::Ordinary, |(_, code)| Kind::Interpreter(code))
}

impl Code {
    /// Whether one of the arguments before the first that is no option makes code of another, or of
    /// standard input. An option with a value of its own ends the list early for us and not for the
    /// interpreter, so every argument that looks like such an option counts, up to `--`.
    pub(super) fn is_in(&self, arguments: &[CString]) -> bool {
        let words = arguments.iter().map(|argument| argument.to_bytes());
        let mut words = words.take_while(|word| *word != b"--").peekable();
        // Without a file, an interpreter reads standard input.
        let nothing = words.peek().is_none();
        nothing || words.enumerate().any(|(at, word)| self.makes_code(at, word))
    }

    fn makes_code(&self, at: usize, word: &[u8]) -> bool {
        if word == b"-" {
            return true;
        }
        let named = self.words.iter().any(|known| {
            let rest = word.strip_prefix(known.as_bytes());
            // A word without dashes is a command: it comes first.
            (known.starts_with('-') || at == 0)
                && rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'=')
        });
        let cluster = word.strip_prefix(b"-").filter(|rest| !rest.starts_with(b"-"));
        named || cluster.is_some_and(|letters| letters.iter().any(|at| self.letters.contains(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<CString> {
        list.iter().map(|word| CString::new(*word).unwrap()).collect()
    }

    #[test]
    fn shells_launchers_and_interpreters_are_known_with_their_versions() {
        for name in ["sh", "bash", "bash-5.2", "zsh-5.9", "cmd.exe", "PowerShell.exe", "pwsh"] {
            assert_eq!(kind(name), Kind::Shell, "{name}");
        }
        for name in
            ["env", "xargs", "sudo", "busybox", "ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1"]
        {
            assert_eq!(kind(name), Kind::Launcher, "{name}");
        }
        for name in ["python3", "python3.12", "perl5.36", "node", "node26", "ruby"] {
            assert!(matches!(kind(name), Kind::Interpreter(_)), "{name}");
        }
        for name in ["convert", "git", "ffmpeg", "shfmt", "envsubst", "finder", "gzip"] {
            assert_eq!(kind(name), Kind::Ordinary, "{name}");
        }
    }

    #[test]
    fn code_in_an_argument_is_seen_in_every_writing() {
        for (code, arguments) in [
            (&PYTHON, &["-c", "print()"][..]),
            (&PYTHON, &["-Ic", "print()"]),
            (&PYTHON, &["-cprint()"]),
            (&PYTHON, &["-"]),
            (&PYTHON, &[]),
            (&PYTHON, &["-m", "http.server"]),
            (&PERL, &["-ne", "print"]),
            (&NODE, &["--eval", "1"]),
            (&NODE, &["--eval=1"]),
            (&NODE, &["-pe", "1"]),
            (&NODE, &["--no-warnings", "--import=data:text/javascript,1", "main.mjs"]),
            (&DENO, &["eval", "1"]),
        ] {
            assert!(code.is_in(&words(arguments)), "{arguments:?}");
        }
        for (code, arguments) in [
            (&PYTHON, &["script.py"][..]),
            (&PYTHON, &["-I", "script.py", "--", "-c", "x"]),
            (&NODE, &["--permission", "main.mjs"]),
            (&DENO, &["run", "eval"]),
        ] {
            assert!(!code.is_in(&words(arguments)), "{arguments:?}");
        }
    }
}
