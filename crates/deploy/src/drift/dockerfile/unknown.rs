//! Instructions of the image that are not known to be harmless or stricter.

use super::{Judge, Weaker, base_name, place};
use crate::drift::started;
use crate::render::dockerfile::CONTEXT;
use ringfence_policy::paths::normal;
use ringfence_project::dockerfile::{Command, Kind, Stage, Transfer};
use ringfence_project::variables::suspicion;

const UNKNOWN: &str = "not known to be harmless";
/// Variables that images have and that give a service nothing.
const USUAL: [&str; 9] =
    ["CI", "HOME", "LANG", "LC_ALL", "NODE_ENV", "NODE_VERSION", "NO_COLOR", "TMPDIR", "TZ"];
/// What `ADD` unpacks by itself.
const ARCHIVES: [&str; 7] = [".tar", ".gz", ".tgz", ".xz", ".bz2", ".zst", ".git"];

impl<'a> Judge<'a> {
    /// Everything that the image's own stages do beside what is judged elsewhere.
    pub(super) fn unknown(&mut self) {
        if let Some(syntax) = &self.file.syntax
            && !["docker/dockerfile", "docker.io/docker/dockerfile"]
                .contains(&syntax.split([':', '@']).next().unwrap_or_default())
        {
            let line = Some(1);
            self.strange("# syntax".to_owned(), line, "docker/dockerfile", syntax.clone());
        }
        for stage in self.chain() {
            for one in &stage.instructions {
                let line = Some(one.line);
                match &one.kind {
                    Kind::Onbuild(_) => {
                        let at = place(self.file, stage, "ONBUILD");
                        self.strange(at, line, "nothing", "an instruction for later".to_owned());
                    }
                    Kind::Healthcheck(Some(_)) => {
                        let at = place(self.file, stage, "HEALTHCHECK");
                        let found = "a command".to_owned();
                        self.strange(at, line, "HEALTHCHECK NONE", found);
                    }
                    Kind::Copy(copy) => self.strange_copy(stage, one.line, copy, "COPY"),
                    Kind::Add(add) => self.strange_copy(stage, one.line, add, "ADD"),
                    Kind::Env(pairs) => {
                        for (name, text) in pairs {
                            self.env(stage, one.line, name, text.value.as_deref());
                        }
                    }
                    Kind::Volume(paths) => {
                        for path in paths.iter().filter_map(|path| path.value.as_deref()) {
                            if !self.writes(path) {
                                let at = place(self.file, stage, "VOLUME");
                                self.strange(at, line, "a path of fs.write", path.to_owned());
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        self.folder();
        self.arguments();
        self.second_root();
    }

    fn strange(&mut self, place: String, line: Option<usize>, wanted: &str, found: String) {
        let why = UNKNOWN;
        self.weaker(Weaker { code: "unknown-setting", place, line, wanted, found, why });
    }

    /// Whether the service may write there.
    fn writes(&self, path: &str) -> bool {
        let path = normal(path);
        let path = std::path::Path::new(&path);
        path.starts_with("/tmp")
            || self
                .order
                .boundary
                .fs
                .write
                .iter()
                .any(|grant| path.starts_with(self.order.path(&grant.value)))
    }

    fn strange_copy(&mut self, stage: &'a Stage, line: usize, copy: &Transfer, word: &str) {
        let at = || place(self.file, stage, word);
        let (at, line) = (at(), Some(line));
        self.compared();
        if copy.inline {
            self.strange(at.clone(), line, "a file of the project", "a text".to_owned());
        }
        let archive = |path: &&str| {
            path.starts_with("git@")
                || !path.contains("://") && ARCHIVES.iter().any(|ending| path.ends_with(ending))
        };
        let mut sources = copy.sources.iter().filter_map(|source| source.value.as_deref());
        if word == "ADD"
            && let Some(found) = sources.find(archive)
        {
            self.strange(at.clone(), line, "files by their names", found.to_owned());
        }
        let to = copy.to.value.as_deref().map(normal).unwrap_or_default();
        if let Some(from) = copy.option("from") {
            let number = self.file.stages.iter().position(|other| other.line == stage.line);
            let of_a_stage = self.file.stage_before(Some(from), number.unwrap_or(0)).is_some()
                || from.parse::<usize>().is_ok()
                || from == CONTEXT;
            let node = from.starts_with("node:") || from.starts_with("node@");
            if !of_a_stage && !node {
                self.strange(at.clone(), line, "a stage of this file", from.to_owned());
            }
        } else {
            let inside = std::path::Path::new(&to).starts_with(normal(self.order.place));
            let mut read = self.order.boundary.fs.read.iter();
            let granted = read
                .any(|path| std::path::Path::new(&to).starts_with(self.order.path(&path.value)));
            if to.starts_with('/') && !inside && !granted {
                self.strange(at.clone(), line, "a granted path", to.clone());
            }
        }
        let user = self.effective(|one| match &one.kind {
            Kind::User(user) => user.value.clone(),
            _ => None,
        });
        let user = user.map(|(.., user)| user).unwrap_or_default();
        let name = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
        if let Some(owner) = copy.option("chown")
            && !name(owner).is_empty()
            && (name(owner) == name(&user) || name(owner) == self.order.user().0.to_string())
            && !self.writes(&to)
        {
            self.weaker(Weaker {
                code: "writable-code",
                place: at,
                line,
                wanted: "files of root",
                found: format!("--chown={owner}"),
                why: "the service can change its own code",
            });
        }
    }

    fn env(&mut self, stage: &'a Stage, line: usize, name: &str, value: Option<&str>) {
        self.compared();
        let env = &self.order.boundary.env;
        let at = place(self.file, stage, "ENV");
        if let Some(set) = env.set.get(name) {
            if let Some(value) = value.filter(|value| *value != set.value) {
                let found = format!("{name}={value}");
                self.weaker(Weaker {
                    code: "other-value",
                    place: at,
                    line: Some(line),
                    wanted: &set.value,
                    found,
                    why: "the boundary fixes this value",
                });
            }
            return;
        }
        if suspicion(name, value.unwrap_or_default()).is_some() {
            return;
        }
        let known = env.pass.iter().any(|pass| pass.value == name)
            || name.to_lowercase().starts_with("npm_config_")
            || USUAL.contains(&name) && !value.is_some_and(|value| self.writes_below(value))
            || name == "PATH" && value.is_none_or(|value| !self.searches_writable(value));
        if !known && ringfence_policy::environment::refused(name).is_none() {
            self.weaker(Weaker {
                code: "unlisted-variable",
                place: at,
                line: Some(line),
                wanted: "a name of env.pass or env.set",
                found: name.to_owned(),
                why: "the service gets a variable that the boundary does not give it",
            });
        }
    }

    fn writes_below(&self, value: &str) -> bool {
        value.starts_with('/') && !normal(value).starts_with("/tmp") && self.writes(value)
    }

    fn searches_writable(&self, value: &str) -> bool {
        value.split(':').any(|folder| !folder.starts_with('/') || self.writes(folder))
    }

    /// The folder that it starts in.
    fn folder(&mut self) {
        self.compared();
        let found = self.effective(|one| match &one.kind {
            Kind::Workdir(folder) => folder.value.clone(),
            _ => None,
        });
        let wanted = self.order.path(&self.order.boundary.service.cwd.value);
        let Some((stage, line, folder)) = found else { return };
        if folder.starts_with('/') && normal(&folder) != normal(&wanted) && self.writes(&folder) {
            let at = place(self.file, stage, "WORKDIR");
            self.weaker(Weaker {
                code: "working-dir",
                place: at,
                line: Some(line),
                wanted: &wanted,
                found: folder,
                why: "relative names of programs and modules are then what the service wrote",
            });
        }
    }

    /// Words that `CMD` puts behind a whole command.
    fn arguments(&mut self) {
        self.compared();
        let entrypoint = self.effective(|one| match &one.kind {
            Kind::Entrypoint(Command::Exec(words)) => Some(words),
            _ => None,
        });
        let cmd = self.effective(|one| match &one.kind {
            Kind::Cmd(Command::Exec(words)) if !words.is_empty() => Some(words),
            _ => None,
        });
        let (Some((.., words)), Some((stage, line, more))) = (entrypoint, cmd) else { return };
        let whole = started::judge(self.order, words).entry.is_some()
            && words.iter().skip(1).any(|word| !word.starts_with('-'));
        if whole {
            let at = place(self.file, stage, "CMD");
            self.strange(at, Some(line), "nothing behind ENTRYPOINT", more.join(" "));
        }
    }

    /// A user with the number 0 under another name.
    fn second_root(&mut self) {
        for stage in &self.file.stages {
            for one in &stage.instructions {
                let Kind::Run(run) = &one.kind else { continue };
                if run.option("network") == Some("host") {
                    let at = place(self.file, stage, "RUN");
                    self.strange(at, Some(one.line), "--network=none", "--network=host".to_owned());
                }
                let text = match &run.command {
                    Command::Exec(words) => words.join(" "),
                    Command::Shell(text) => text.clone(),
                };
                let mut lines = text.split(['\'', '"', '\n', ' ']);
                let root = lines.find(|line| {
                    let fields: Vec<&str> = line.split(':').collect();
                    fields.len() >= 4 && fields.get(2) == Some(&"0") && fields[0] != "root"
                });
                if let Some(found) = root {
                    let at = place(self.file, stage, "RUN");
                    let found = base_name(found).to_owned();
                    self.strange(at, Some(one.line), "no user with the number 0", found);
                }
            }
        }
    }
}
