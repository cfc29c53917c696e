//! What stages run: installation, builds, downloads.

use super::{Judge, Weaker, base_name, place};
use ringfence_project::dockerfile::{Kind, Run, Stage};

/// Package managers of Node.
const MANAGERS: [&str; 6] = ["bun", "npm", "npx", "pnpm", "yarn", "yarnpkg"];
/// Package managers of distributions.
const OF_SYSTEM: [&str; 9] =
    ["apk", "apt", "apt-get", "dnf", "dpkg", "microdnf", "pip", "pip3", "yum"];
/// Programs that build, and so run what packages brought.
const BUILDERS: [&str; 14] = [
    "astro", "esbuild", "ldd", "make", "nest", "next", "ng", "node", "node-gyp", "rollup", "tsc",
    "tsup", "vite", "webpack",
];
/// Programs that fetch.
const FETCHERS: [&str; 3] = ["aria2c", "curl", "wget"];
/// Programs that run what they are given.
const INTERPRETERS: [&str; 8] = ["ash", "bash", "dash", "node", "perl", "python", "python3", "sh"];

/// One command of a `RUN`, by its program and arguments.
struct Command<'a> {
    program: &'a str,
    words: &'a [String],
    piped: bool,
}

impl<'a> Judge<'a> {
    /// Everything that stages do, in the order of the file.
    pub(super) fn stages(&mut self) {
        let of_image: Vec<usize> = self.chain().iter().map(|stage| stage.line).collect();
        for one in &self.file.arguments {
            if let Kind::Arg(names) = &one.kind {
                for (name, default) in names {
                    let value = default.as_ref().map(|text| text.written.as_str());
                    self.variable(None, one.line, "ARG", name, value);
                }
            }
        }
        for stage in &self.file.stages {
            let in_image = of_image.contains(&stage.line);
            let mut scripts_off = false;
            for one in &stage.instructions {
                match &one.kind {
                    Kind::Run(run) => self.run(stage, one.line, run, in_image, scripts_off),
                    Kind::Copy(copy) => self.transfer(stage, one.line, copy, false, in_image),
                    Kind::Add(add) => self.transfer(stage, one.line, add, true, in_image),
                    Kind::Arg(names) => {
                        for (name, default) in names {
                            let value = default.as_ref().map(|text| text.written.as_str());
                            self.variable(Some(stage), one.line, "ARG", name, value);
                        }
                    }
                    Kind::Env(pairs) => {
                        for (name, text) in pairs {
                            scripts_off |= name.eq_ignore_ascii_case("npm_config_ignore_scripts")
                                && text.value.as_deref() == Some("true");
                            self.variable(Some(stage), one.line, "ENV", name, Some(&text.written));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn run(&mut self, stage: &'a Stage, line: usize, run: &Run, in_image: bool, scripts_off: bool) {
        let commands = run.commands();
        let commands: Vec<Command<'_>> =
            commands.iter().filter_map(|words| command(words)).collect();
        let mut fetches = false;
        let mut builds = None;
        for one in &commands {
            self.compared();
            fetches |= FETCHERS.contains(&one.program) || is_fetching(one);
            if MANAGERS.contains(&one.program) {
                self.install(stage, line, one, scripts_off);
            }
            if is_building(one) {
                builds.get_or_insert_with(|| one.words.join(" "));
            }
            if one.program == "chmod" {
                for mode in one.words.iter().skip(1).filter(|word| !word.starts_with('-')).take(1) {
                    self.mode(stage, line, mode);
                }
            }
            if in_image && OF_SYSTEM.contains(&one.program) {
                self.installs_system(stage, line, one);
            }
            if one
                .words
                .iter()
                .any(|word| word.contains("_authToken=") && !word.contains("_authToken=$"))
            {
                self.token(stage, line);
            }
        }
        self.fetched_script(stage, line, &commands);
        if run.option("security") == Some("insecure") {
            self.weaker(Weaker {
                code: "insecure-build",
                place: place(self.file, stage, "RUN"),
                line: Some(line),
                wanted: "no --security=insecure",
                found: "--security=insecure".to_owned(),
                why: "the step has the rights of the machine that builds",
            });
        }
        if let Some(what) = builds.filter(|_| !fetches && run.option("network") != Some("none")) {
            self.weaker(Weaker {
                code: "network-at-build",
                place: place(self.file, stage, "RUN"),
                line: Some(line),
                wanted: "--network=none",
                found: what,
                why: "scripts of packages run here, and could fetch code or send secrets away",
            });
        }
    }

    /// An installation: frozen, and without scripts.
    fn install(&mut self, stage: &Stage, line: usize, command: &Command<'_>, scripts_off: bool) {
        let Some(installs) = installs(command) else { return };
        let found = command.words.join(" ");
        let at = || place(self.file, stage, "RUN");
        let (frozen, quiet, at) = (installs.frozen, installs.quiet || scripts_off, at());
        if !frozen {
            self.weaker(Weaker {
                code: "unfrozen-install",
                place: at.clone(),
                line: Some(line),
                wanted: "npm ci, or --frozen-lockfile",
                found: found.clone(),
                why: "other versions than those of the lockfile may be installed",
            });
        }
        if !quiet {
            self.weaker(Weaker {
                code: "scripts-at-install",
                place: at,
                line: Some(line),
                wanted: "--ignore-scripts",
                found,
                why: "every package may run code here, with a network",
            });
        }
    }

    fn installs_system(&mut self, stage: &Stage, line: usize, command: &Command<'_>) {
        self.weaker(Weaker {
            code: "package-manager-in-image",
            place: place(self.file, stage, "RUN"),
            line: Some(line),
            wanted: "packages of the system only in stages before",
            found: command.words.join(" "),
            why: "the image holds a package manager and what it installed",
        });
    }

    fn token(&mut self, stage: &Stage, line: usize) {
        self.weaker(Weaker {
            code: "secret-in-image",
            place: place(self.file, stage, "RUN"),
            line: Some(line),
            wanted: "--mount=type=secret",
            found: "a token of a registry".to_owned(),
            why: "the history of the image shows the command",
        });
    }

    /// `curl | sh`, and `sh -c "$(curl ...)"`.
    fn fetched_script(&mut self, stage: &Stage, line: usize, commands: &[Command<'_>]) {
        let pairs = commands.iter().zip(commands.iter().skip(1));
        let piped = pairs.clone().any(|(first, then)| {
            FETCHERS.contains(&first.program) && then.piped && INTERPRETERS.contains(&then.program)
        });
        let substituted = commands.iter().any(|one| {
            INTERPRETERS.contains(&one.program)
                && one.words.last().is_some_and(|word| {
                    word.contains('$') && FETCHERS.iter().any(|name| word.contains(name))
                })
        });
        if piped || substituted {
            self.weaker(Weaker {
                code: "fetched-script",
                place: place(self.file, stage, "RUN"),
                line: Some(line),
                wanted: "a file whose hash is checked",
                found: "a download that is run at once".to_owned(),
                why: "whoever answers at that address runs code in the build",
            });
        }
    }

    /// Somewhere before the image what is only needed to develop was left out.
    pub(super) fn development(&mut self) {
        let commands = self
            .file
            .stages
            .iter()
            .flat_map(|stage| stage.instructions.iter().map(move |one| (stage, one)));
        let (mut installed, mut left_out) = (None, false);
        let mut production = false;
        for (stage, one) in commands {
            if let Kind::Env(pairs) = &one.kind {
                production |= pairs.iter().any(|(name, text)| {
                    name == "NODE_ENV" && text.value.as_deref() == Some("production")
                });
            }
            let Kind::Run(run) = &one.kind else { continue };
            for words in run.commands() {
                let Some(command) = command(&words) else { continue };
                if !MANAGERS.contains(&command.program) {
                    continue;
                }
                left_out |= leaves_out(&command);
                if installs(&command).is_some_and(|installs| installs.project) {
                    // `NODE_ENV` makes npm and Yarn leave them out by themselves.
                    left_out |= production;
                    installed = Some((stage, one.line, words.join(" ")));
                }
            }
        }
        self.compared();
        let Some((stage, line, found)) = installed.filter(|_| !left_out) else { return };
        self.weaker(Weaker {
            code: "dev-dependencies",
            place: place(self.file, stage, "RUN"),
            line: Some(line),
            wanted: "npm prune --omit=dev behind the build",
            found,
            why: "what is only needed to develop gets into the image",
        });
    }
}

fn command(words: &[String]) -> Option<Command<'_>> {
    let piped = words.first().is_some_and(|word| word == "|");
    let words = if piped { words.get(1..)? } else { words };
    Some(Command { program: base_name(words.first()?), words, piped })
}

/// What an installation promises.
struct Installs {
    frozen: bool,
    quiet: bool,
    /// Of the project, and not of a tool.
    project: bool,
}

impl Command<'_> {
    fn has(&self, options: &[&str]) -> bool {
        self.words.iter().any(|word| options.contains(&word.as_str()))
    }

    /// The first word behind the program that is no option.
    fn verb(&self) -> Option<&str> {
        self.words.iter().skip(1).map(String::as_str).find(|word| !word.starts_with('-'))
    }
}

/// `None` when nothing is installed.
fn installs(command: &Command<'_>) -> Option<Installs> {
    let verb = command.verb();
    let global = command.has(&["-g", "--global", "--location=global"]);
    let quiet = command.has(&["--ignore-scripts", "--ignore-scripts=true", "--mode=skip-build"]);
    let frozen = match (command.program, verb) {
        ("npm", Some("ci" | "clean-install")) => true,
        ("npm", Some("install" | "i" | "add")) if global => {
            let tools = command.words.iter().skip(1).filter(|word| !word.starts_with('-')).skip(1);
            tools.clone().count() > 0 && tools.into_iter().all(|tool| has_version(tool))
        }
        ("pnpm" | "bun" | "yarn" | "yarnpkg", Some("install" | "i"))
        | ("yarn" | "yarnpkg", None) => command.has(&["--frozen-lockfile", "--immutable"]),
        ("npm", Some("install" | "i" | "add" | "update"))
        | ("pnpm" | "bun" | "yarn" | "yarnpkg", Some("add" | "update" | "up" | "upgrade")) => false,
        _ => return None,
    };
    Some(Installs { frozen, quiet, project: !global })
}

/// `pnpm@9.1.0`
fn has_version(tool: &str) -> bool {
    let name = tool.strip_prefix('@').unwrap_or(tool);
    let version = name.split_once('@').map_or("", |(_, version)| version);
    version.split('.').count() >= 3 && version.starts_with(|c: char| c.is_ascii_digit())
}

fn leaves_out(command: &Command<'_>) -> bool {
    command.has(&["--omit=dev", "--production", "--prod", "--only=production", "--only=prod", "-P"])
        || command.has(&["--production=true"])
}

/// Whether a command needs a network for what it is there for.
fn is_fetching(command: &Command<'_>) -> bool {
    let offline = command.has(&["--offline"]) || leaves_out(command) && command.program != "npm";
    let of_system = OF_SYSTEM.contains(&command.program) && command.program != "dpkg";
    of_system || command.program == "git" || (installs(command).is_some() && !offline)
}

/// Whether code of packages or of the project runs.
fn is_building(command: &Command<'_>) -> bool {
    if BUILDERS.contains(&command.program) {
        return !command.has(&["--version", "-v"]);
    }
    let verb = command.verb();
    match command.program {
        "npm" | "pnpm" | "bun" => {
            matches!(
                verb,
                Some(
                    "run"
                        | "run-script"
                        | "rebuild"
                        | "rb"
                        | "test"
                        | "build"
                        | "prune"
                        | "exec"
                        | "start"
                )
            ) || (leaves_out(command) && verb == Some("install"))
        }
        "yarn" | "yarnpkg" => {
            matches!(verb, Some("run" | "rebuild" | "build" | "test" | "workspaces" | "start"))
                || (command.has(&["--offline"]) && verb == Some("install"))
        }
        "npx" => true,
        _ => false,
    }
}
