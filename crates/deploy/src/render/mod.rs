//! A boundary written out for one target.

pub mod compose;
pub mod dockerfile;
pub mod grants;
pub mod kubernetes;
pub mod node;
mod notes;
pub mod oci;
pub mod seccomp;
pub mod shell;
pub mod systemd;

pub use notes::{comment, grouped};

use ringfence_policy::layer::Layer;
use ringfence_policy::model::{Boundary, RequiredLayers};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Arguments of Node and a script of `package.json`.
    Node,
    /// A service unit and a socket unit.
    Systemd,
    /// A Dockerfile and its ignore file.
    Dockerfile,
    /// A Compose file.
    Compose,
    /// Objects of a cluster.
    Kubernetes,
    /// A policy of a cluster that refuses a weaker pod.
    KubernetesPolicy,
    /// An audit policy of a cluster.
    KubernetesAudit,
    /// A runtime bundle's `config.json`.
    Oci,
    /// A seccomp profile.
    Seccomp,
}

impl Target {
    /// Every target, in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Node,
        Self::Systemd,
        Self::Dockerfile,
        Self::Compose,
        Self::Kubernetes,
        Self::KubernetesPolicy,
        Self::KubernetesAudit,
        Self::Oci,
        Self::Seccomp,
    ];

    /// The word on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Systemd => "systemd",
            Self::Dockerfile => "dockerfile",
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::KubernetesPolicy => "kubernetes-policy",
            Self::KubernetesAudit => "kubernetes-audit",
            Self::Oci => "oci",
            Self::Seccomp => "seccomp",
        }
    }

    /// The target of this word.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.id() == id)
    }
}

/// How the service is started in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// By `ringfence run`: what the target cannot express is enforced inside.
    Ringfence,
    /// Node itself, with its permission flags: what the target cannot express is not enforced, and
    /// the notes say so.
    Node,
}

/// Everything a target may ask about the service besides its boundary. Paths in `boundary` that are
/// relative are against `folder` on this host and against [`Order::place`] in the target.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The boundary.
    pub boundary: &'a Boundary,
    /// SHA-256 of its file, lower-case hexadecimal.
    pub boundary_hash: &'a str,
    /// Name of the boundary file, such as `ringfence.toml`.
    pub file_name: &'a str,
    /// Folder of the boundary file on this host, absolute. Files of the project are read from here;
    /// what is missing has a default.
    pub folder: &'a Path,
    /// Where that folder lies in the target, absolute; [`Order::PLACE`] unless somebody says else.
    pub place: &'a str,
    /// How the service is started; `None` is the target's own default.
    pub entry: Option<Entry>,
    /// Name of the image, with its tag or digest.
    pub image: Option<&'a str>,
    /// Name of the runtime class (clusters only).
    pub runtime_class: Option<&'a str>,
    /// The program tells its manager when it is ready (units only).
    pub notify: bool,
    /// The manager opens the listeners (units only).
    pub socket_activation: bool,
    /// How the service is called in what is deployed, where that is not the boundary's name of it
    /// (comparisons only).
    pub called: Option<&'a str>,
}

impl<'a> Order<'a> {
    /// Where the folder of the boundary file lies in images.
    pub const PLACE: &'static str = "/app";
    /// Where ringfence lies in a target.
    pub const PROGRAM: &'static str = "/usr/local/bin/ringfence";
    /// User and group where the boundary names none by its number: of nobody else.
    pub const USER: u32 = 10001;

    /// An order in which the target decides everything that may be left to it.
    #[must_use]
    pub const fn new(
        boundary: &'a Boundary,
        boundary_hash: &'a str,
        file_name: &'a str,
        folder: &'a Path,
    ) -> Self {
        Self {
            boundary,
            boundary_hash,
            file_name,
            folder,
            place: Self::PLACE,
            entry: None,
            image: None,
            runtime_class: None,
            notify: false,
            socket_activation: false,
            called: None,
        }
    }

    /// Name of the service.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.called.unwrap_or(&self.boundary.service.name.value)
    }

    /// A path of the boundary as it is named in the target: absolute, without `.` and `..`.
    #[must_use]
    pub fn path(&self, written: &str) -> String {
        let whole = if written.starts_with('/') {
            written.to_owned()
        } else {
            format!("{}/{written}", self.place)
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in whole.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// The boundary file in the target.
    #[must_use]
    pub fn file(&self) -> String {
        self.path(self.file_name)
    }

    /// Numbers of user and group: those of the boundary where it has numbers, else
    /// [`Order::USER`]. What was a name is for a note.
    #[must_use]
    pub fn user(&self) -> (u32, u32) {
        let number = |name: &Option<ringfence_policy::source::Located<String>>| {
            name.as_ref().and_then(|name| name.value.parse::<u32>().ok())
        };
        let user = number(&self.boundary.identity.user).unwrap_or(Self::USER);
        (user, number(&self.boundary.identity.group).unwrap_or(user))
    }

    /// Whether `ringfence run` has to make control groups of its own: there is a limit that they keep,
    /// and the boundary requires their layer. Without that the target's own limits are enough.
    #[must_use]
    pub fn needs_groups(&self) -> bool {
        let limits = &self.boundary.limits;
        let limited = limits.memory.is_some() || limits.pids.is_some() || limits.cpu.is_some();
        limited
            && match &self.boundary.require.layers {
                RequiredLayers::All => true,
                RequiredLayers::Listed(layers) => layers.contains(&Layer::Cgroup),
            }
    }

    /// What starts the service where `ringfence run` does.
    #[must_use]
    pub fn ringfence_command(&self) -> Vec<String> {
        [Self::PROGRAM, "run", "--config"]
            .map(str::to_owned)
            .into_iter()
            .chain([self.file()])
            .collect()
    }

    /// The head of a file, each line behind `prefix` (such as `"# "`): which boundary, which version
    /// and which command wrote it, then the notes. Written over by `--out` only with this in it.
    #[must_use]
    pub fn head(&self, prefix: &str, target: Target, notes: &[Note]) -> String {
        let mut lines =
            vec![self.origin(target), format!("boundary sha256:{}", self.boundary_hash)];
        if !notes.is_empty() {
            lines.push(String::new());
            lines.push("What this file does not say, and what carries it:".to_owned());
        }
        for note in grouped(notes) {
            let mut line = "-".to_owned();
            for word in format!("{}: {}", note.grant, note.carried).split_whitespace() {
                if line.len() + word.len() > 96 {
                    lines.push(std::mem::replace(&mut line, "  ".to_owned()));
                }
                line.push(' ');
                line.push_str(word);
            }
            lines.push(line);
        }
        lines.iter().fold(String::new(), |mut text, line| {
            let line = format!("{prefix}{}", comment(line));
            let _ = writeln!(text, "{}", line.trim_end());
            text
        })
    }

    /// `written by ringfence 0.1.0: ringfence render systemd`, by which a file of ours is known.
    #[must_use]
    pub fn origin(&self, target: Target) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let mut line = format!("written by ringfence {version}: {MARK}{}", target.id());
        match self.entry {
            Some(Entry::Ringfence) => line.push_str(" --entry ringfence"),
            Some(Entry::Node) => line.push_str(" --entry node"),
            None => {}
        }
        for (option, given) in
            [(" --notify", self.notify), (" --socket-activation", self.socket_activation)]
        {
            if given {
                line.push_str(option);
            }
        }
        for (option, value) in [
            (" --image ", self.image),
            (" --runtime-class ", self.runtime_class),
            (" --place ", Some(self.place).filter(|place| *place != Self::PLACE)),
        ] {
            if let Some(value) = value {
                line.push_str(option);
                line.push_str(value);
            }
        }
        line
    }
}

/// Every file that is written has this in it, followed by the target.
pub const MARK: &str = "ringfence render ";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Files by their relative path. One file is written to standard output as it is; of several each
    /// is preceded by its name (YAML documents are one file).
    pub files: Vec<(PathBuf, String)>,
    /// What the target does not express, in the order of the boundary file.
    pub notes: Vec<Note>,
}

/// A grant or limit that the target cannot express as it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The key and value, as in `net.connect "api.internal:443"`.
    pub grant: String,
    /// What the target does instead, and who carries the rest; one sentence.
    pub carried: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The boundary cannot be written for this target at all.
    #[error("{what}")]
    Impossible {
        /// What stands in the way.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A file of the project that the target needs cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A value as indented JSON with a newline at its end.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String, RenderError> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| {
        RenderError::Impossible { what: format!("cannot write JSON: {error}"), hint: String::new() }
    })
}

/// Writes a boundary out for a target.
///
/// # Errors
/// [`RenderError`].
pub fn render(target: Target, order: &Order<'_>) -> Result<Rendered, RenderError> {
    match target {
        Target::Node => node::render(order),
        Target::Systemd => systemd::render(order),
        Target::Dockerfile => dockerfile::render(order),
        Target::Compose => compose::render(order),
        Target::Kubernetes => kubernetes::render(order),
        Target::KubernetesPolicy => kubernetes::policy::render(order),
        Target::KubernetesAudit => kubernetes::audit::render(order),
        Target::Oci => oci::render(order),
        Target::Seccomp => seccomp::render(order),
    }
}
