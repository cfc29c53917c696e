//! Which files of the folder belong into the image, and which never.

use super::super::{Note, Order};
use ringfence_policy::model::SecretSource;
use ringfence_policy::paths::normal;
use ringfence_policy::secret_files::{Holds, holds};
use ringfence_project::variables::suspicion_of_file;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Grants below the folder as an image carries them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Paths relative to the folder that are copied, without what is installed.
    pub(super) copied: Vec<String>,
    /// The folder as a whole is granted.
    pub(super) everything: bool,
    /// What is mounted or missing instead.
    pub(super) notes: Vec<Note>,
}

/// Relative to the folder; `None` for a path outside of it.
pub(crate) fn below(written: &str) -> Option<String> {
    let path = normal(written);
    (!path.starts_with('/') && !path.split('/').any(|part| part == "..")).then_some(path)
}

/// Sources of secrets that lie in the folder.
pub(crate) fn secret_sources(order: &Order<'_>) -> BTreeSet<String> {
    let of = |source: &SecretSource| match source {
        SecretSource::File(path) => below(path),
        _ => None,
    };
    order.boundary.secrets.iter().filter_map(|secret| of(&secret.from.value)).collect()
}

impl Files {
    pub(super) fn of(order: &Order<'_>, installed: &[&str]) -> Self {
        let fs = &order.boundary.fs;
        let mut files = Self::default();
        for (key, path, optional) in fs
            .read
            .iter()
            .map(|path| ("fs.read", &path.value, false))
            .chain(fs.optional.iter().map(|path| ("fs.optional", &path.value, true)))
        {
            let Some(relative) = below(path) else {
                if !of_the_runtime(path) {
                    let carried = "not part of the image: mount it read-only at this path";
                    files.note(key, path, carried);
                }
                continue;
            };
            if relative == "." {
                files.everything = true;
                let carried = "the image holds everything that `.dockerignore` lets in; name the \
                               folders that are needed and it holds only those";
                files.note(key, path, carried);
            } else if looks_secret(order, path) {
                let carried = "looks like a secret: never in the image: make it a [secrets] entry or \
                               mount it where it runs";
                files.note(key, path, carried);
            } else if optional && !order.folder.join(&relative).exists() {
                files.note(key, path, "it is missing here, so it is not in the image: mount it");
            } else if !installed.contains(&relative.as_str()) && relative != "node_modules" {
                files.copied.push(relative);
            }
        }
        for path in &fs.write {
            let carried = "an empty folder in the image that the service's user owns; the root is \
                           read-only, so mount a volume there";
            files.note("fs.write", &path.value, carried);
        }
        for path in &fs.droppable {
            files.note("fs.droppable", &path.value, "not part of the image: mount it read-only");
        }
        files.copied.sort();
        files.copied.dedup();
        let all = files.copied.clone();
        files.copied.retain(|path| {
            !all.iter().any(|other| path.strip_prefix(other).is_some_and(|r| r.starts_with('/')))
        });
        files
    }

    fn note(&mut self, key: &str, path: &str, carried: &str) {
        self.notes.push(Note { grant: format!("{key} \"{path}\""), carried: carried.to_owned() });
    }
}

/// Paths that the image has of itself.
fn of_the_runtime(path: &str) -> bool {
    let path = normal(path);
    ["/etc/ssl", "/usr/share/zoneinfo", "/usr/share/ca-certificates"].iter().any(|own| {
        path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a granted path looks like a secret: a key, an environment file, credentials of a tool. A
/// public certificate does not, nor does a folder.
pub(crate) fn looks_secret(order: &Order<'_>, written: &str) -> bool {
    let relative = below(written).unwrap_or_else(|| normal(written));
    // What is called so without a reason to look into it; `.pem` may be a certificate.
    let named = suspicion_of_file(&relative).is_some_and(|why| why != "a key or a certificate");
    is_private_key(order, &relative) || (named && !order.folder.join(&relative).is_dir())
}

/// By its name, or where it is there by what it says.
fn is_private_key(order: &Order<'_>, relative: &str) -> bool {
    if matches!(holds(relative), Some(Holds::Key)) || secret_sources(order).contains(relative) {
        return true;
    }
    let path = order.folder.join(relative);
    let text = ringfence_project::walk::text(&path, 1 << 20).unwrap_or_default();
    path.is_file() && text.contains("PRIVATE KEY-----")
}

/// The ignore file: nothing but what is listed reaches the builder.
pub(super) fn ignore(order: &Order<'_>, allowed: &BTreeSet<String>) -> String {
    let mut text = order.head("# ", super::Target::Dockerfile, &[]);
    text.push_str("\n# Nothing reaches the builder\n*\n# but this,\n");
    for path in allowed {
        let _ = writeln!(text, "!{path}");
    }
    text.push_str("# and of this never\n");
    let never = ["**/.env", "**/.env.*", "**/.git", "**/.npmrc", "**/*.key", "**/node_modules"];
    for pattern in never {
        let _ = writeln!(text, "{pattern}");
    }
    for path in secret_sources(order) {
        let _ = writeln!(text, "{path}");
    }
    // The last match decides, and what is copied by its name must get through.
    let shown = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with(".env.") && suspicion_of_file(path).is_none()
    };
    for path in allowed.iter().filter(shown) {
        let _ = writeln!(text, "!{path}");
    }
    text
}
