//! Dockerfiles, each instruction with its line.
//!
//! A thin layer over `parse-dockerfile`: stages, commands in both forms, here-documents, and the
//! values that `ARG` and `ENV` give to names. A value that only the build can know (an argument
//! without a default, a form of substitution that is not read here) is `None` and never guessed.
//! Base images are names only; what they hold is not known.

mod convert;
mod expand;
mod shell;
#[cfg(test)]
mod tests;

pub use shell::commands;

/// Longest Dockerfile that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// A Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The frontend of a `# syntax=` line.
    pub syntax: Option<String>,
    /// Arguments before the first stage, with their defaults.
    pub arguments: Vec<Instruction>,
    /// Stages in the order of the file; the last is the image. Never empty.
    pub stages: Vec<Stage>,
}

/// One stage: what stands between one `FROM` and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Line of its `FROM`, from 1.
    pub line: usize,
    /// Image, or name or number of an earlier stage.
    pub base: Text,
    /// Name after `AS`, in lower case.
    pub name: Option<String>,
    /// Its other instructions.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// First line, from 1.
    pub line: usize,
    /// What it says.
    pub kind: Kind,
}

/// A word as it is written, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As written.
    pub written: String,
    /// With variables replaced; `None` when only the build can know.
    pub value: Option<String>,
}

/// What an instruction says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `ADD`
    Add(Transfer),
    /// `ARG`: names and defaults.
    Arg(Vec<(String, Option<Text>)>),
    /// `CMD`
    Cmd(Command),
    /// `COPY`
    Copy(Transfer),
    /// `ENTRYPOINT`
    Entrypoint(Command),
    /// `ENV`
    Env(Vec<(String, Text)>),
    /// `EXPOSE`
    Expose(Vec<Text>),
    /// `HEALTHCHECK`; `None` switches it off.
    Healthcheck(Option<Command>),
    /// `ONBUILD` with what is done later.
    Onbuild(Box<Kind>),
    /// `LABEL`, `MAINTAINER`.
    Other,
    /// `RUN`
    Run(Run),
    /// `SHELL`
    Shell(Vec<String>),
    /// `STOPSIGNAL`
    Stopsignal(Text),
    /// `USER`
    User(Text),
    /// `VOLUME`
    Volume(Vec<Text>),
    /// `WORKDIR`
    Workdir(Text),
}

/// A command in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The JSON array: no shell is started.
    Exec(Vec<String>),
    /// Text for a shell, continuation lines joined and comments taken out.
    Shell(String),
}

/// `RUN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What is run.
    pub command: Command,
    /// Its options without `--`, such as `("network", Some("none"))`.
    pub options: Vec<Flag>,
    /// Its here-documents.
    pub documents: Vec<String>,
}

/// An option: its name without `--`, and its value.
pub type Flag = (String, Option<String>);

/// `COPY` and `ADD`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its options.
    pub options: Vec<Flag>,
    /// Paths, addresses; a here-document is not listed.
    pub sources: Vec<Text>,
    /// Whether a here-document is among the sources.
    pub inline: bool,
    /// Where to.
    pub to: Text,
}

/// Why a Dockerfile cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct DockerfileError {
    /// From 1.
    pub line: usize,
    /// What is wrong, in the words of the reader.
    pub what: String,
}

/// Reads a Dockerfile.
///
/// # Errors
/// It is none, it has no stage, or it is longer than [`MAX_BYTES`].
pub fn parse(text: &str) -> Result<Dockerfile, DockerfileError> {
    if text.len() > MAX_BYTES {
        return Err(DockerfileError { line: 1, what: "it is larger than 1 MiB".to_owned() });
    }
    convert::convert(text)
}

impl Dockerfile {
    /// The last stage and those it is made from, the last first. Where a base cannot be known the
    /// chain ends.
    #[must_use]
    pub fn image(&self) -> Vec<&Stage> {
        let mut chain = Vec::new();
        let mut at = self.stages.len().checked_sub(1);
        while let Some(stage) = at.and_then(|at| self.stages.get(at)) {
            chain.push(stage);
            at = at.and_then(|at| self.stage_before(stage.base.value.as_deref(), at));
        }
        chain
    }

    /// The stage with this name, or its number, before another.
    #[must_use]
    pub fn stage_before(&self, name: Option<&str>, before: usize) -> Option<usize> {
        let name = name?.to_lowercase();
        self.stages.iter().take(before).rposition(|stage| stage.name.as_ref() == Some(&name))
    }
}

impl Transfer {
    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        option(&self.options, name)
    }
}

impl Run {
    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        option(&self.options, name)
    }

    /// All values of an option that may be repeated.
    pub fn options<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options
            .iter()
            .filter(move |(known, _)| known == name)
            .filter_map(|(_, value)| value.as_deref())
    }

    /// Each command that is run, as words: those of a shell, of here-documents and of `sh -c`.
    #[must_use]
    pub fn commands(&self) -> Vec<Vec<String>> {
        let mut all = match &self.command {
            Command::Exec(words) => shell::of_words(words),
            Command::Shell(text) => commands(text),
        };
        all.extend(self.documents.iter().flat_map(|text| commands(text)));
        all
    }
}

fn option<'a>(options: &'a [Flag], name: &str) -> Option<&'a str> {
    options.iter().rev().find(|(known, _)| known == name)?.1.as_deref()
}
