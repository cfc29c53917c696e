//! From the words of `start` to the one file that is executed.
//!
//! Exactly one `execve` happens inside the boundary, so a script's interpreter is found here, by
//! the kernel's own rules (execve(2), "Interpreter scripts"), and `#!/usr/bin/env X` is carried
//! out here too. What comes out is an ELF program of this machine, its real path and the whole
//! argument vector.

use super::elf::{Elf, ElfError};
use super::libraries::LibraryError;
use super::walk::{WalkError, Walked, shown, tidy, walk};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How much of a script's first line the kernel reads (`BINPRM_BUF_SIZE`).
const SHEBANG_SIZE: usize = 256;
/// How many scripts may interpret one another (the kernel stops after 5).
const MAX_SCRIPTS: usize = 4;

/// Why a program cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A block or character device, a pipe or a socket.
    #[error("program is not a file but a {kind}: {}", shown(.path))]
    Special {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A directory.
    #[error("program is a directory: {}", shown(.0))]
    Directory(PathBuf),
    /// Empty `start`.
    #[error("no program is named")]
    Empty,
    /// The ELF reader's answer, also for another processor.
    #[error("program {} {source}", shown(.path))]
    Elf {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        source: ElfError,
    },
    /// A `#!/usr/bin/env` line with more than a name and arguments.
    #[error("first line of the script asks env for something that is not supported: {} in {}", shown(.option), shown(.script))]
    Env {
        /// The script.
        script: PathBuf,
        /// The word.
        option: OsString,
    },
    /// Libraries of the program.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// No execute bit.
    #[error("program is not executable: {}", shown(.0))]
    NotExecutable(PathBuf),
    /// The service's user may not execute it.
    #[error("program may not be executed by the service's user {uid}: {}", shown(.path))]
    NotForService {
        /// The program.
        path: PathBuf,
        /// The user.
        uid: u32,
    },
    /// Neither ELF nor `#!`.
    #[error("program is neither an ELF executable nor a script with a `#!` line: {}", shown(.0))]
    NotAProgram(PathBuf),
    /// Nowhere on the search path.
    #[error("program not found: {} (searched PATH and node_modules/.bin)", shown(.0))]
    NotFound(OsString),
    /// The path of a child leads nowhere.
    #[error("program {0}")]
    Child(#[source] WalkError),
    /// A child must be absolute.
    #[error("child is not an absolute path: {0}")]
    Relative(String),
    /// The interpreter of a script.
    #[error("interpreter of the script {} cannot be used: {source}", shown(.script))]
    Script {
        /// The script.
        script: PathBuf,
        /// Why.
        source: Box<ProgramError>,
    },
    /// Scripts that interpret one another.
    #[error("too many scripts interpret one another: {}", shown(.0))]
    TooManyScripts(PathBuf),
    /// Reading failed.
    #[error("program cannot be read: {}", shown(.0))]
    Unreadable(PathBuf, #[source] io::Error),
    /// The path leads nowhere.
    #[error("program {0}")]
    Walk(#[from] WalkError),
    /// A carriage return at the end of the first line.
    #[error("first line of the script ends in a carriage return, so its interpreter cannot be found: {}", shown(.0))]
    WindowsLine(PathBuf),
    /// The object is granted as writable too.
    #[error("program is granted as writable ({other}): {}", shown(.path))]
    Writable {
        /// The grant.
        other: String,
        /// The program.
        path: PathBuf,
    },
}

impl ProgramError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Special { .. } | Self::Directory(_) | Self::NotAProgram(_) => {
                "name an executable file as the first word of service.start".into()
            }
            Self::Child(_) => "check the path in process.children, or install the program".into(),
            Self::Empty => "give a command after `--` or set service.start".into(),
            Self::Elf { source: ElfError::Architecture(_), .. } => {
                "install the program for this machine's processor".into()
            }
            Self::Elf { .. } => "install the program again".into(),
            Self::Env { .. } => {
                "start the interpreter directly, such as start = [\"node\", \"script.js\"], and put variables into env.set".into()
            }
            Self::Library(LibraryError::Missing { name, .. }) => {
                format!("install the package that carries {}", shown(name))
            }
            Self::Library(_) => "install the program and its libraries again".into(),
            Self::NotExecutable(path) => format!("run `chmod +x {}` or start its interpreter", shown(path)),
            Self::NotForService { path, .. } => {
                format!("run `chmod o+x {}`, or set identity.user to its owner", shown(path))
            }
            Self::NotFound(_) => "install it, or name it with a path".into(),
            Self::Relative(name) => format!("write its full path, such as `command -v {name}` prints it"),
            Self::Script { source, .. } => source.hint(),
            Self::TooManyScripts(_) => "name the last interpreter in service.start".into(),
            Self::Unreadable(..) => "give this user read permission on it".into(),
            Self::Walk(_) => "check the path; relative ones count from service.cwd".into(),
            Self::WindowsLine(path) => format!("save it with Unix line ends, such as `sed -i 's/\\r$//' {}`", shown(path)),
            Self::Writable { .. } => "a program must not be writable to the service: grant a smaller folder for writing".into(),
        }
    }
}

/// Where names are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    /// Relative paths count from here.
    pub(crate) cwd: &'a Path,
    /// The folder of the boundary file; its `node_modules/.bin` comes after `PATH`.
    pub(crate) folder: &'a Path,
    /// The caller's `PATH`.
    pub(crate) path: Option<&'a OsStr>,
}

/// The program of a command.
#[derive(Debug)]
pub(crate) struct Found {
    /// The executable.
    pub(crate) program: Walked,
    /// The executable, open.
    pub(crate) file: File,
    /// Its headers.
    pub(crate) elf: Elf,
    /// The argument vector, interpreters put in front.
    pub(crate) argv: Vec<OsString>,
    /// Scripts that led here, outermost first.
    pub(crate) scripts: Vec<Walked>,
    /// `env`, where a `#!` line went through it.
    pub(crate) env: Vec<Walked>,
}

/// Finds what a command executes.
///
/// # Errors
/// Nothing that can be executed, each way with its own error.
pub(crate) fn find(command: &[OsString], search: Search<'_>) -> Result<Found, ProgramError> {
    let Some(first) = command.first().filter(|word| !word.is_empty()) else {
        return Err(ProgramError::Empty);
    };
    let (mut path, mut argv) = (search.locate(first)?, command.to_vec());
    let (mut scripts, mut env) = (Vec::new(), Vec::new());
    loop {
        let in_script = |source: ProgramError| match scripts.last() {
            Some(Walked { named, .. }) => {
                ProgramError::Script { script: named.clone(), source: Box::new(source) }
            }
            None => source,
        };
        let (walked, file) = open(&path).map_err(in_script)?;
        let Some(line) = shebang(&file, &walked)? else {
            let elf = Elf::read(&file).map_err(|source| match source {
                ElfError::NotElf => ProgramError::NotAProgram(walked.named.clone()),
                source => ProgramError::Elf { path: walked.named.clone(), source },
            });
            let elf = elf.map_err(in_script)?;
            return Ok(Found { program: walked, file, elf, argv, scripts, env });
        };
        if scripts.len() >= MAX_SCRIPTS {
            return Err(ProgramError::TooManyScripts(walked.named));
        }
        // The kernel puts the path it was given in the place of argv[0].
        let script = if scripts.is_empty() && first.as_bytes().contains(&b'/') {
            first.clone()
        } else {
            path.clone().into_os_string()
        };
        let Interpreted { words, name, through } = line.interpret(&walked, search)?;
        scripts.push(walked);
        env.extend(through);
        argv.splice(..1, words.into_iter().chain([script]));
        path = name;
    }
}

impl Search<'_> {
    /// Where a command word is.
    fn locate(&self, word: &OsStr) -> Result<PathBuf, ProgramError> {
        if word.as_bytes().contains(&b'/') {
            return Ok(self.cwd.join(word));
        }
        // Relative folders in PATH are passed over: what they hold depends on where one stands.
        let listed = self.path.map(std::env::split_paths).into_iter().flatten();
        let folders = listed.filter(|folder| folder.is_absolute());
        let folders = folders.chain([self.folder.join("node_modules/.bin")]);
        let mut refused = None;
        for candidate in folders.map(|folder| folder.join(word)) {
            match open(&candidate) {
                Ok(_) => return Ok(candidate),
                Err(ProgramError::Walk(_) | ProgramError::Directory(_)) => {}
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| ProgramError::NotFound(word.to_owned())))
    }
}

/// Opens a regular file with an execute bit.
fn open(path: &Path) -> Result<(Walked, File), ProgramError> {
    let walked = walk(path)?;
    let path = tidy(path);
    let kind = walked.metadata.file_type();
    let special = |kind| Err(ProgramError::Special { path: path.clone(), kind });
    if kind.is_dir() {
        return Err(ProgramError::Directory(path));
    } else if kind.is_block_device() || kind.is_char_device() {
        return special("device");
    } else if kind.is_fifo() {
        return special("pipe");
    } else if kind.is_socket() {
        return special("socket");
    }
    if walked.metadata.mode() & 0o111 == 0 {
        return Err(ProgramError::NotExecutable(path));
    }
    let file = File::open(&walked.real).map_err(|error| ProgramError::Unreadable(path, error))?;
    Ok((walked, file))
}

/// The first line of a script.
#[derive(Debug, PartialEq, Eq)]
struct Shebang {
    interpreter: OsString,
    argument: Option<OsString>,
}

/// What a `#!` line comes to.
struct Interpreted {
    /// Words that replace `argv[0]`, before the script's path.
    words: Vec<OsString>,
    /// Path of the interpreter.
    name: PathBuf,
    /// `env` itself.
    through: Option<Walked>,
}

fn shebang(file: &File, walked: &Walked) -> Result<Option<Shebang>, ProgramError> {
    let mut head = Vec::with_capacity(SHEBANG_SIZE);
    let unreadable = |error| ProgramError::Unreadable(walked.named.clone(), error);
    file.take(SHEBANG_SIZE as u64).read_to_end(&mut head).map_err(unreadable)?;
    let Some(line) = head.strip_prefix(b"#!") else { return Ok(None) };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Err(ProgramError::WindowsLine(walked.named.clone()));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = trim(line, blank);
    if line.is_empty() {
        return Err(ProgramError::NotAProgram(walked.named.clone()));
    }
    let end = line.iter().position(blank).unwrap_or(line.len());
    let (interpreter, rest) = line.split_at(end);
    let rest = trim(rest, blank);
    Ok(Some(Shebang {
        interpreter: OsString::from_vec(interpreter.to_vec()),
        argument: (!rest.is_empty()).then(|| OsString::from_vec(rest.to_vec())),
    }))
}

fn trim(mut text: &[u8], blank: impl Fn(&u8) -> bool) -> &[u8] {
    while let Some((first, rest)) = text.split_first().filter(|(first, _)| blank(first)) {
        let _ = first;
        text = rest;
    }
    while let Some((last, rest)) = text.split_last().filter(|(last, _)| blank(last)) {
        let _ = last;
        text = rest;
    }
    text
}

impl Shebang {
    fn interpret(self, script: &Walked, search: Search<'_>) -> Result<Interpreted, ProgramError> {
        let name = search.cwd.join(&self.interpreter);
        if name.file_name() != Some(OsStr::new("env")) {
            let words = [self.interpreter].into_iter().chain(self.argument).collect();
            return Ok(Interpreted { words, name, through: None });
        }
        let refused = |option: &OsStr| ProgramError::Env {
            script: script.named.clone(),
            option: option.to_owned(),
        };
        let argument = self.argument.unwrap_or_default();
        let words = match argument.as_bytes().strip_prefix(b"-S") {
            Some(split) => {
                if let Some(odd) = split.iter().find(|byte| b"\"'\\$#".contains(byte)) {
                    return Err(refused(OsStr::from_bytes(std::slice::from_ref(odd))));
                }
                split
                    .split(|byte| matches!(byte, b' ' | b'\t'))
                    .filter(|word| !word.is_empty())
                    .map(|word| OsString::from_vec(word.to_vec()))
                    .collect()
            }
            None => vec![argument],
        };
        let Some(first) = words.first() else { return Err(refused(OsStr::new("-S"))) };
        if first.is_empty()
            || first.as_bytes().starts_with(b"-")
            || first.as_bytes().contains(&b'=')
        {
            return Err(refused(first));
        }
        let in_script = |source| ProgramError::Script {
            script: script.named.clone(),
            source: Box::new(source),
        };
        let found = search.locate(first).map_err(in_script)?;
        Ok(Interpreted { words, name: found, through: walk(&name).ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Shop {
        _keep: tempfile::TempDir,
        root: PathBuf,
    }

    impl Shop {
        fn new() -> Self {
            let keep = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(keep.path()).unwrap();
            fs::create_dir(root.join("bin")).unwrap();
            fs::copy("/bin/true", root.join("bin/tool")).unwrap();
            Self { _keep: keep, root }
        }

        fn write(&self, name: &str, text: &str, mode: u32) -> &Self {
            fs::create_dir_all(self.root.join(name).parent().unwrap()).unwrap();
            fs::write(self.root.join(name), text).unwrap();
            fs::set_permissions(self.root.join(name), fs::Permissions::from_mode(mode)).unwrap();
            self
        }

        fn find(&self, words: &[&str]) -> Result<Found, ProgramError> {
            let path = self.root.join("bin").into_os_string();
            let search = Search { cwd: &self.root, folder: &self.root, path: Some(&path) };
            find(&words.iter().map(OsString::from).collect::<Vec<_>>(), search)
        }

        fn argv(&self, words: &[&str]) -> Vec<String> {
            let root = format!("{}/", self.root.display());
            let found = self.find(words).unwrap();
            found.argv.iter().map(|word| word.to_string_lossy().replace(&root, "~/")).collect()
        }

        fn error(&self, words: &[&str]) -> String {
            let root = format!("{}/", self.root.display());
            self.find(words).unwrap_err().to_string().replace(&root, "~/")
        }
    }

    #[test]
    fn a_name_is_searched_and_a_path_counts_from_the_working_directory() {
        let shop = Shop::new();
        assert_eq!(shop.find(&["tool", "a"]).unwrap().program.real, shop.root.join("bin/tool"));
        assert_eq!(shop.argv(&["tool", "a"]), ["tool", "a"]);
        assert_eq!(shop.argv(&["bin/tool"]), ["bin/tool"]);
        shop.write("node_modules/.bin/local", "#!/bin/sh\n", 0o755);
        assert_eq!(shop.argv(&["local", "x"]), ["/bin/sh", "~/node_modules/.bin/local", "x"]);
    }

    #[test]
    fn a_script_becomes_its_interpreter_as_the_kernel_would_do_it() {
        let shop = Shop::new();
        shop.write("run", "#! /bin/sh -e -u \nexit", 0o755);
        assert_eq!(shop.argv(&["./run", "x"]), ["/bin/sh", "-e -u", "./run", "x"]);
        shop.write("bin/envy", "#!/usr/bin/env tool\n", 0o755);
        assert_eq!(shop.argv(&["envy", "x"]), ["tool", "~/bin/envy", "x"]);
        shop.write("bin/split", "#!/usr/bin/env -S tool --one  --two\n", 0o755);
        assert_eq!(shop.argv(&["split"]), ["tool", "--one", "--two", "~/bin/split"]);
        shop.write("bin/nested", "#!/usr/bin/env envy\n", 0o755);
        assert_eq!(shop.argv(&["nested", "x"]), ["tool", "~/bin/envy", "~/bin/nested", "x"]);
        assert_eq!(shop.find(&["nested"]).unwrap().scripts.len(), 2);
    }

    #[test]
    fn each_thing_that_is_no_program_has_its_own_error() {
        let shop = Shop::new();
        shop.write("plain", "text", 0o755).write("data", "#!/bin/sh\n", 0o644);
        shop.write("dos", "#!/bin/sh\r\n", 0o755).write("lost", "#!/no/such/shell\n", 0o755);
        shop.write("var", "#!/usr/bin/env A=b tool\n", 0o755);
        shop.write("loop", &format!("#!{}/loop\n", shop.root.display()), 0o755);
        symlink("circle", shop.root.join("circle")).unwrap();
        let lines = ["plain", "data", "dos", "lost", "var", "loop", "circle", "bin", "none"]
            .map(|name| shop.error(&[&format!("./{name}")]));
        insta::assert_snapshot!(lines.join("\n"), @r"
        program is neither an ELF executable nor a script with a `#!` line: ~/plain
        program is not executable: ~/data
        first line of the script ends in a carriage return, so its interpreter cannot be found: ~/dos
        interpreter of the script ~/lost cannot be used: program does not exist: /no
        first line of the script asks env for something that is not supported: A=b tool in ~/var
        too many scripts interpret one another: ~/loop
        program symlinks go in a circle: ~/circle
        program is a directory: ~/bin
        program does not exist: ~/none
        ");
        let lines = [shop.error(&["nothing"]), shop.error(&["/dev/null"]), shop.error(&[""])];
        insta::assert_snapshot!(lines.join("\n"), @r"
        program not found: nothing (searched PATH and node_modules/.bin)
        program is not a file but a device: /dev/null
        no program is named
        ");
    }

    #[test]
    fn a_program_for_another_processor_is_named_as_such() {
        let shop = Shop::new();
        let mut bytes = fs::read("/bin/true").unwrap();
        bytes[18] = 40;
        fs::write(shop.root.join("bin/foreign"), bytes).unwrap();
        fs::set_permissions(shop.root.join("bin/foreign"), fs::Permissions::from_mode(0o755))
            .unwrap();
        assert!(shop.error(&["foreign"]).contains("another kind of processor"));
        assert_eq!(shop.argv(&["tool"]), ["tool"]);
    }
}
