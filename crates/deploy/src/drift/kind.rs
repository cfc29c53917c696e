//! What a file is, by its name, else by what it says.
//!
//! A file that a person names is taken for what it looks like; one that lies in a folder must also
//! have a name of its kind.

use super::Deployed;
use std::path::Path;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A Compose file.
    Compose,
    /// A Dockerfile.
    Dockerfile,
    /// Manifests of a cluster.
    Kubernetes,
    /// A command with Node's permission flags, alone or in `package.json`.
    Node,
    /// `config.json` of a runtime bundle.
    Oci,
    /// A seccomp profile.
    Seccomp,
    /// A unit of systemd, or a drop-in of one.
    Systemd,
}

impl Kind {
    /// Tells it by the name of the file, else by what it says.
    #[must_use]
    pub fn of(deployed: Deployed<'_>) -> Option<Self> {
        let name = deployed.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&[".dockerignore"]) {
            return None;
        }
        if ends(&[".service", ".socket"]) {
            return Some(Self::Systemd);
        }
        let of_a_unit = |folder: &Path| folder.to_string_lossy().ends_with(".d");
        if ends(&[".conf"]) && deployed.path.parent().is_some_and(of_a_unit) {
            return Some(Self::Systemd);
        }
        if is_dockerfile(&name) {
            return Some(Self::Dockerfile);
        }
        if ends(&[".json"]) || deployed.text.trim_start().starts_with('{') {
            return Self::of_json(deployed.text);
        }
        if ends(&[".yaml", ".yml"]) {
            let compose = name.starts_with("compose.") || name.starts_with("docker-compose");
            return if compose { Some(Self::Compose) } else { Self::of_yaml(deployed.text) };
        }
        Self::of_text(deployed.text)
    }

    /// Whether a file of a folder can be of a kind, by its name: a text that only looks like one, such
    /// as a shell command in a page of documentation, was not meant.
    #[must_use]
    pub fn is_looked_for(path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let known = ["conf", "json", "service", "sh", "socket", "yaml", "yml"];
        known.contains(&ending) || is_dockerfile(&name)
    }

    fn of_json(text: &str) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let keys = [
            ("ociVersion", Self::Oci),
            ("defaultAction", Self::Seccomp),
            ("apiVersion", Self::Kubernetes),
            ("services", Self::Compose),
            ("scripts", Self::Node),
        ];
        keys.into_iter().find(|(key, _)| value.get(key).is_some()).map(|(_, kind)| kind)
    }

    fn of_yaml(text: &str) -> Option<Self> {
        let top = |key: &str| text.lines().any(|line| line.starts_with(key));
        if top("apiVersion:") || top("kind:") {
            return Some(Self::Kubernetes);
        }
        top("services:").then_some(Self::Compose)
    }

    fn of_text(text: &str) -> Option<Self> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
        let first = lines.next()?;
        if first.starts_with('[') && first.ends_with(']') {
            return Some(Self::Systemd);
        }
        if ["from ", "arg "].iter().any(|word| first.to_lowercase().starts_with(word)) {
            return Some(Self::Dockerfile);
        }
        if let Some(kind) = Self::of_yaml(text) {
            return Some(kind);
        }
        let flag = |text: &str| text.contains("--permission") || text.contains("--allow-fs-");
        (flag(text) || text.contains("node ")).then_some(Self::Node)
    }
}

/// By its name in lower case.
fn is_dockerfile(name: &str) -> bool {
    let of = |word: &str| {
        name == word || name.starts_with(&format!("{word}.")) || name.ends_with(&format!(".{word}"))
    };
    !name.ends_with(".dockerignore") && (of("dockerfile") || of("containerfile"))
}
