//! From what `parse-dockerfile` reads to stages with values.

use super::expand::Names;
use super::{Command, Dockerfile, DockerfileError, Flag, Instruction, Kind, Run, Stage, Transfer};
use parse_dockerfile as raw;

/// Reads the text, instruction by instruction.
pub(super) fn convert(text: &str) -> Result<Dockerfile, DockerfileError> {
    let failed =
        |error: &raw::Error| DockerfileError { line: error.line().max(1), what: error.to_string() };
    let instructions = raw::parse_iter(text).map_err(|error| failed(&error))?;
    let mut reader = Reader {
        lines: starts(text),
        escape: '\\',
        global: Names::default(),
        names: Names::default(),
        stages: Vec::new(),
        after: Vec::new(),
        arguments: Vec::new(),
    };
    let syntax = directive(text, "syntax");
    if directive(text, "escape").as_deref() == Some("`") {
        reader.escape = '`';
    }
    for instruction in instructions {
        reader.instruction(&instruction.map_err(|error| failed(&error))?);
    }
    if reader.stages.is_empty() {
        return Err(DockerfileError { line: 1, what: "there is no FROM in it".to_owned() });
    }
    Ok(Dockerfile { syntax, arguments: reader.arguments, stages: reader.stages })
}

/// A directive of the first lines, such as `# syntax=...`.
fn directive(text: &str, name: &str) -> Option<String> {
    for line in text.lines() {
        let (key, value) = line.strip_prefix('#')?.split_once('=')?;
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// Offsets at which lines start.
fn starts(text: &str) -> Vec<usize> {
    let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind).collect()
}

struct Reader {
    lines: Vec<usize>,
    escape: char,
    /// Arguments before the first stage.
    global: Names,
    /// What holds at this place.
    names: Names,
    stages: Vec<Stage>,
    /// Names at the end of each finished stage.
    after: Vec<Names>,
    arguments: Vec<Instruction>,
}

impl Reader {
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    fn instruction(&mut self, instruction: &raw::Instruction<'_>) {
        if let raw::Instruction::From(from) = instruction {
            self.from(from);
            return;
        }
        let Some((offset, kind)) = self.kind(instruction) else { return };
        let read = Instruction { line: self.line(offset), kind };
        if let Some(stage) = self.stages.last_mut() {
            stage.instructions.push(read);
        } else {
            self.arguments.push(read);
        }
    }

    fn from(&mut self, from: &raw::FromInstruction<'_>) {
        if !self.stages.is_empty() {
            self.after.push(std::mem::take(&mut self.names));
        }
        let base = self.global.text(from.image.value.trim());
        let name = from.as_.as_ref().map(|(_, name)| name.value.to_lowercase());
        let wanted = base.value.as_ref().map(|base| base.to_lowercase());
        let below =
            self.stages.iter().rposition(|stage| stage.name.is_some() && stage.name == wanted);
        self.names = below.and_then(|at| self.after.get(at)).cloned().unwrap_or_default();
        let line = self.line(from.from.span.start);
        self.stages.push(Stage { line, base, name, instructions: Vec::new() });
    }

    /// Where it starts and what it says; `None` for what this reader does not know.
    fn kind(&mut self, instruction: &raw::Instruction<'_>) -> Option<(usize, Kind)> {
        use raw::Instruction as I;
        Some(match instruction {
            I::Add(add) => {
                (add.add.span.start, Kind::Add(self.transfer(&add.options, &add.src, &add.dest)))
            }
            I::Copy(copy) => (
                copy.copy.span.start,
                Kind::Copy(self.transfer(&copy.options, &copy.src, &copy.dest)),
            ),
            I::Arg(arg) => (arg.arg.span.start, self.arg(&arg.arguments.value)),
            I::Env(env) => (env.env.span.start, self.env(&env.arguments.value)),
            I::Cmd(cmd) => (cmd.cmd.span.start, Kind::Cmd(self.command(&cmd.arguments))),
            I::Entrypoint(entry) => {
                (entry.entrypoint.span.start, Kind::Entrypoint(self.command(&entry.arguments)))
            }
            I::Run(run) => (run.run.span.start, Kind::Run(self.run(run))),
            I::Healthcheck(check) => {
                let command = match &check.arguments {
                    raw::HealthcheckArguments::Cmd { arguments, .. } => {
                        Some(self.command(arguments))
                    }
                    _ => None,
                };
                (check.healthcheck.span.start, Kind::Healthcheck(command))
            }
            I::Onbuild(onbuild) => {
                let (_, kind) = self.kind(&onbuild.instruction)?;
                (onbuild.onbuild.span.start, Kind::Onbuild(Box::new(kind)))
            }
            I::Shell(shell) => {
                let words = shell.arguments.iter().map(|word| word.value.to_string()).collect();
                (shell.shell.span.start, Kind::Shell(words))
            }
            I::Expose(expose) => {
                let ports = expose.arguments.iter().map(|port| self.names.text(&port.value));
                (expose.expose.span.start, Kind::Expose(ports.collect()))
            }
            I::User(user) => {
                (user.user.span.start, Kind::User(self.names.text(&user.arguments.value)))
            }
            I::Workdir(dir) => {
                (dir.workdir.span.start, Kind::Workdir(self.names.text(&dir.arguments.value)))
            }
            I::Stopsignal(signal) => {
                let text = self.names.text(&signal.arguments.value);
                (signal.stopsignal.span.start, Kind::Stopsignal(text))
            }
            I::Volume(volume) => (volume.volume.span.start, Kind::Volume(self.volumes(volume))),
            I::Label(label) => (label.label.span.start, Kind::Other),
            I::Maintainer(maintainer) => (maintainer.maintainer.span.start, Kind::Other),
            _ => return None,
        })
    }

    fn volumes(&self, volume: &raw::VolumeInstruction<'_>) -> Vec<super::Text> {
        let words = match &volume.arguments {
            raw::JsonOrStringArray::Json(words) => &words.value,
            raw::JsonOrStringArray::String(words) => words,
        };
        words.iter().map(|word| self.names.text(&word.value)).collect()
    }

    fn transfer(
        &self,
        options: &[raw::Flag<'_>],
        sources: &[raw::Source<'_>],
        to: &raw::UnescapedString<'_>,
    ) -> Transfer {
        let inline = sources.iter().any(|source| matches!(source, raw::Source::HereDoc(_)));
        let sources = sources.iter().filter_map(|source| match source {
            raw::Source::Path(path) => Some(self.names.text(&path.value)),
            _ => None,
        });
        Transfer {
            options: flags(options),
            sources: sources.collect(),
            inline,
            to: self.names.text(&to.value),
        }
    }

    fn command(&self, command: &raw::Command<'_>) -> Command {
        match command {
            raw::Command::Exec(words) => {
                Command::Exec(words.value.iter().map(|word| word.value.to_string()).collect())
            }
            raw::Command::Shell(text) => Command::Shell(joined(text.value, self.escape)),
            _ => Command::Shell(String::new()),
        }
    }

    fn run(&self, run: &raw::RunInstruction<'_>) -> Run {
        Run {
            command: self.command(&run.arguments),
            options: flags(&run.options),
            documents: run.here_docs.iter().map(|document| document.value.to_string()).collect(),
        }
    }

    fn arg(&mut self, arguments: &str) -> Kind {
        let global = self.stages.is_empty();
        let mut all = Vec::new();
        for word in words(&joined(arguments, self.escape)) {
            let (name, default) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let known = if global { &self.global } else { &self.names };
            let default = default.map(|value| known.text(&value));
            let value = match &default {
                Some(text) => text.value.clone(),
                None => self.global.value(&name).filter(|_| !global),
            };
            let names = if global { &mut self.global } else { &mut self.names };
            names.set(&name, value);
            all.push((name, default));
        }
        Kind::Arg(all)
    }

    fn env(&mut self, arguments: &str) -> Kind {
        let arguments = joined(arguments, self.escape);
        let list = words(&arguments);
        let pairs: Vec<(String, String)> = if list.first().is_some_and(|word| word.contains('=')) {
            let pairs = list.iter().filter_map(|word| word.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        } else {
            let (name, value) =
                arguments.trim().split_once(char::is_whitespace).unwrap_or_default();
            vec![(name.to_owned(), value.trim().to_owned())]
        };
        // All of one instruction see what held before it.
        let all: Vec<_> =
            pairs.into_iter().map(|(name, value)| (name, self.names.text(&value))).collect();
        for (name, text) in &all {
            self.names.set(name, text.value.clone());
        }
        Kind::Env(all)
    }
}

fn flags(options: &[raw::Flag<'_>]) -> Vec<Flag> {
    let pair = |flag: &raw::Flag<'_>| {
        (flag.name.value.to_string(), flag.value.as_ref().map(|value| value.value.to_string()))
    };
    options.iter().map(pair).collect()
}

/// Lines that continue are one line, and comments between them are gone.
fn joined(text: &str, escape: char) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut continued = false;
    for line in text.lines() {
        if continued && line.trim_start().starts_with('#') {
            continue;
        }
        let cut = line.trim_end().strip_suffix(escape);
        whole.push_str(cut.unwrap_or(line));
        whole.push(if cut.is_some() { ' ' } else { '\n' });
        continued = cut.is_some();
    }
    whole.truncate(whole.trim_end().len());
    whole
}

/// Words between blanks; quotes hold them together and are taken off.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('\\', _) if quote != Some('\'') => {
                let next = characters.next();
                let word = word.get_or_insert_default();
                // `\$` is read where variables are.
                if next == Some('$') {
                    word.push('\\');
                }
                word.extend(next);
            }
            (c, None) if c.is_whitespace() => all.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    all.extend(word);
    all
}
