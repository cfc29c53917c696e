//! Paths and packages as they are on every machine.

use std::path::{Component, Path, PathBuf};

const MODULES: &str = "node_modules";

/// The package that a file is in: its folder and its name. The nearest one counts; what begins with a
/// dot below `node_modules` (`.pnpm`, `.bin`, `.cache`) is none.
pub(super) fn package_of(file: &Path) -> Option<(PathBuf, String)> {
    let parts: Vec<Component<'_>> = file.components().collect();
    let text = |at: usize| parts.get(at).and_then(|part| part.as_os_str().to_str());
    for at in (0..parts.len()).rev().filter(|at| text(*at) == Some(MODULES)) {
        let Some(first) = text(at + 1).filter(|name| !name.starts_with('.')) else { continue };
        let (name, end) = match text(at + 2) {
            Some(second) if first.starts_with('@') => (format!("{first}/{second}"), at + 3),
            _ => (first.to_owned(), at + 2),
        };
        // The folder itself is not yet something in it.
        if end < parts.len() {
            return Some((parts.iter().take(end).collect(), name));
        }
    }
    None
}

/// The file of `file:line:column`.
pub(super) fn file_of(place: &str) -> &str {
    let cut = |text| str::rsplit_once(text, ':').map_or(text, |(file, _)| file);
    cut(cut(place))
}

/// A path as it is kept: relative to the project, without home folders, users, process ids and parts
/// that chance chose.
pub(super) fn shown(path: &Path, project: &Path) -> String {
    if let Ok(rest) = path.strip_prefix(project) {
        return joined("./", rest.components());
    }
    let mut parts = path.components();
    let mut ahead = path.components().skip(1).filter_map(|part| part.as_os_str().to_str());
    let (first, second, third) = (ahead.next(), ahead.next(), ahead.next());
    let skip = |parts: &mut std::path::Components<'_>, count: usize| {
        for _ in 0..count {
            parts.next();
        }
    };
    match (first, second, third) {
        (Some("root"), ..) => {
            skip(&mut parts, 2);
            joined("~/", parts)
        }
        (Some("home" | "Users"), Some(_), _) => {
            skip(&mut parts, 3);
            joined("~/", parts)
        }
        // Names in there are made up as they are needed.
        (Some("tmp"), Some(_), _) => "/tmp/*".to_owned(),
        (Some("var"), Some("tmp"), Some(_)) => "/var/tmp/*".to_owned(),
        (Some("dev"), Some("shm"), Some(_)) => "/dev/shm/*".to_owned(),
        (Some("proc"), Some(pid), _) if is_number(pid) => {
            skip(&mut parts, 3);
            joined("/proc/self/", parts)
        }
        (Some("run"), Some("user"), Some(_)) => {
            skip(&mut parts, 4);
            joined("/run/user/*/", parts)
        }
        _ => {
            skip(&mut parts, 1);
            joined("/", parts)
        }
    }
}

fn joined<'a>(start: &str, parts: impl Iterator<Item = Component<'a>>) -> String {
    let names = parts.map(|part| {
        let name = part.as_os_str().to_string_lossy().into_owned();
        if is_chance(&name) { "*".to_owned() } else { name }
    });
    let text = start.to_owned() + &names.collect::<Vec<_>>().join("/");
    let bare = text.trim_end_matches('/');
    if bare.is_empty() { "/".to_owned() } else { bare.to_owned() }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name was made by chance or by a clock: a hash, a UUID, a time, a long number.
fn is_chance(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let digits = stem.bytes().filter(u8::is_ascii_digit).count();
    (stem.len() >= 16 && hex(stem) && digits > 0)
        || (stem.len() >= 8 && is_number(stem))
        || digits >= 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_nearest_package_that_is_one() {
        let name = |path: &str| package_of(Path::new(path)).map(|(_, name)| name);
        assert_eq!(name("/app/src/a.js"), None);
        assert_eq!(name("/app/node_modules/a/i.js").as_deref(), Some("a"));
        assert_eq!(name("/app/node_modules/a/node_modules/@s/b/x/i.js").as_deref(), Some("@s/b"));
        let pnpm = "/app/node_modules/.pnpm/a@1.0.0/node_modules/a/i.js";
        assert_eq!(name(pnpm).as_deref(), Some("a"));
        assert_eq!(name("/app/node_modules/.cache/x.js"), None);
        assert_eq!(name("/app/node_modules/a/node_modules/.bin/x").as_deref(), Some("a"));
        assert_eq!(name("/app/node_modules/a"), None);
        let folder = package_of(Path::new("/app/node_modules/@s/b/i.js")).map(|(folder, _)| folder);
        assert_eq!(folder, Some("/app/node_modules/@s/b".into()));
    }

    #[test]
    fn what_differs_between_machines_and_runs_is_left_out_of_paths() {
        let shown = |path: &str| shown(Path::new(path), Path::new("/home/ada/shop"));
        assert_eq!(shown("/home/ada/shop"), ".");
        assert_eq!(shown("/home/ada/shop/a/b.js"), "./a/b.js");
        assert_eq!(shown("/home/ada/.npmrc"), "~/.npmrc");
        assert_eq!(shown("/root/.npmrc"), "~/.npmrc");
        assert_eq!(shown("/home/ada"), "~");
        assert_eq!(shown("/tmp/a-x1Q/b"), "/tmp/*");
        assert_eq!(shown("/proc/812/stat"), "/proc/self/stat");
        assert_eq!(shown("/proc/meminfo"), "/proc/meminfo");
        assert_eq!(shown("/run/user/1000/bus"), "/run/user/*/bus");
        assert_eq!(shown("/etc/ssl/openssl.cnf"), "/etc/ssl/openssl.cnf");
        assert_eq!(shown("/"), "/");
        let cache = "/home/ada/shop/cache/0f3a9d1e77b2c4d6e8f00112/a.json";
        assert_eq!(shown(cache), "./cache/*/a.json");
        assert_eq!(shown("/root/_logs/2026-11-22T23_18_53Z-debug-0.log"), "~/_logs/*");
    }

    #[test]
    fn the_file_of_a_place_is_what_comes_before_line_and_column() {
        assert_eq!(file_of("/a/b:c.js:10:3"), "/a/b:c.js");
        assert_eq!(file_of("[eval]:1:3"), "[eval]");
        assert_eq!(file_of("x"), "x");
    }
}
