//! Paths of errors held against paths of grants, as text.

use super::context::{Context, Look};
use crate::generated::GENERATED;
use ringfence_policy::model::SecretSource;
use ringfence_policy::paths::normal;
use ringfence_policy::source::Located;

/// Folders that every service has for itself, writable.
const PRIVATE: [&str; 2] = ["/tmp", "/dev/shm"];

/// What every service can read besides the files that are written for it: made for it, or needed
/// by its runtime.
const EVERYWHERE: [&str; 7] = [
    "/dev",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/proc",
    "/sys",
    "/usr/share/zoneinfo",
];

/// Endings of source files.
const SOURCES: [&str; 8] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".wasm"];

/// A written path from a folder: absolute, without `.` and with `..` followed as text.
pub(crate) fn join(folder: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether `path` is `root` or lies below it.
pub(crate) fn is_in(path: &str, root: &str) -> bool {
    root == "/"
        || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a list of grants covers a path.
pub(crate) fn covers(grants: &[Located<String>], folder: &str, path: &str) -> bool {
    let path = join("/", path);
    grants.iter().any(|grant| is_in(&path, &join(folder, &normal(&grant.value))))
}

/// Whether a path lies in a folder that the service has for itself.
pub(crate) fn is_private(path: &str) -> bool {
    let path = join("/", path);
    PRIVATE.iter().any(|own| is_in(&path, own)) || path == "/dev/null"
}

/// Whether every service can read a path.
pub(crate) fn is_everywhere(path: &str) -> bool {
    let path = join("/", path);
    EVERYWHERE.iter().any(|own| is_in(&path, own)) || is_generated(&path)
}

/// Whether every service has a file of its own at a path.
pub(crate) fn is_generated(path: &str) -> bool {
    GENERATED.contains(&join("/", path).as_str())
}

/// The folder above a path.
pub(crate) fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// The last part of a path.
pub(crate) fn name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// The path to write into the file: the whole of `node_modules`, the source folder of a source
/// file, the folder of something that is to be written, else the path itself. `None` when it is
/// relative and nothing says to what.
pub(crate) fn to_grant(path: &str, write: bool, context: &Context<'_>) -> Option<String> {
    let folder = context.setting.map(|setting| setting.folder);
    if !path.starts_with('/') {
        return None;
    }
    let path = join("/", path);
    let wide = widened(&path, write, folder, context);
    // A broader grant must not show where a secret comes from.
    let wide = if wide != path && shows_secret(&wide, context) { path } else { wide };
    Some(match folder.and_then(|folder| wide.strip_prefix(folder)) {
        Some("") => "./".to_owned(),
        Some(rest) if rest.starts_with('/') => format!(".{rest}"),
        _ => wide,
    })
}

fn widened(path: &str, write: bool, folder: Option<&str>, context: &Context<'_>) -> String {
    if let Some(at) = path.find("/node_modules/") {
        return path.get(..at + "/node_modules".len()).unwrap_or(path).to_owned();
    }
    if write {
        return match context.host.look(path) {
            Look::Folder => path.to_owned(),
            _ if is_program_folder(parent(path), folder) => path.to_owned(),
            _ => parent(path).to_owned(),
        };
    }
    let below = folder.and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
    if SOURCES.iter().any(|ending| path.ends_with(ending))
        && let (Some(folder), Some((first, _))) =
            (folder, below.and_then(|below| below.split_once('/')))
    {
        return format!("{folder}/{first}");
    }
    path.to_owned()
}

/// A folder that must not become writable as a whole for the sake of one file in it.
fn is_program_folder(path: &str, folder: Option<&str>) -> bool {
    path.matches('/').count() < 2 || folder.is_some_and(|folder| is_in(folder, path))
}

/// Whether a path holds the source of a secret.
pub(crate) fn shows_secret(path: &str, context: &Context<'_>) -> bool {
    let Some(setting) = context.setting else { return false };
    setting.boundary.secrets.iter().any(|secret| match &secret.from.value {
        SecretSource::File(source) => is_in(&join(setting.folder, source), path),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed_as_text() {
        assert_eq!(join("/srv/app", "./a/../b//c/"), "/srv/app/b/c");
        assert_eq!(join("/srv/app", "/../x"), "/x");
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/a"), "/");
        assert_eq!(name("/a/b/"), "b");
        assert!(is_in("/a/b", "/a") && !is_in("/ab", "/a") && is_in("/a", "/"));
        assert!(is_private("/tmp/x") && !is_private("/tmpx"));
    }
}
