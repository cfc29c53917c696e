//! What the program is given besides its command: variables, and the script in front of Node.

use super::folder::Place;
use super::order::Order;
use super::script::VARIABLE;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const OPTIONS: &str = "NODE_OPTIONS";
/// Switches that let Node read and write only what its command grants: the script could not run.
const HELD: [&str; 2] = ["--permission", "--experimental-permission"];

/// The environment of a run.
pub(super) struct Environment {
    /// All variables.
    pub(super) variables: Vec<(OsString, OsString)>,
    /// Names without those that recording adds.
    pub(super) names: Vec<String>,
    /// Whether the script cannot be put in front.
    pub(super) untold: Option<&'static str>,
}

impl Environment {
    /// The caller's own, what the order sets, and the script.
    pub(super) fn of(order: &Order, place: &Place) -> Self {
        let mut all: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        all.extend(order.env.iter().cloned());
        let names = all.keys().map(|name| name.to_string_lossy().into_owned()).collect();
        let options = all.get(OsStr::new(OPTIONS)).cloned().unwrap_or_default();
        let untold = why_untold(order, &options);
        if untold.is_none() {
            let require = require(&place.script, &options);
            all.insert(OPTIONS.into(), require);
            all.insert(VARIABLE.into(), place.told.1.clone().into());
        }
        Self { variables: all.into_iter().collect(), names, untold }
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// Where the program of a command is, as `execvp(3)` looks for it.
    pub(super) fn program(&self, named: &OsStr) -> Option<PathBuf> {
        if named.as_bytes().contains(&b'/') {
            let path = PathBuf::from(named);
            return path.exists().then_some(path);
        }
        let path = self.value("PATH").unwrap_or(OsStr::new("/bin:/usr/bin"));
        let mut candidates = std::env::split_paths(path).map(|folder| folder.join(named));
        candidates.find(|file| is_executable(file)).filter(|_| !named.is_empty())
    }
}

fn is_executable(file: &Path) -> bool {
    let found = std::fs::metadata(file);
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Node splits the variable at spaces and knows double quotes with backslashes.
fn require(script: &Path, options: &OsStr) -> OsString {
    let mut require = OsString::from("--require \"");
    let escaped = script.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    require.push(escaped);
    require.push("\"");
    if !options.is_empty() {
        require.push(" ");
        require.push(options);
    }
    require
}

fn why_untold(order: &Order, options: &OsStr) -> Option<&'static str> {
    let words = order.command.iter().map(|word| word.to_string_lossy().into_owned());
    let options = options.to_string_lossy();
    let mut words = words.chain(options.split(' ').map(str::to_owned));
    words.any(|word| HELD.contains(&word.as_str())).then_some(
        "the command holds Node by its permission flags: packages and names are not told",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_comes_before_what_the_caller_asked_of_node() {
        let told = |options: &str| {
            require(Path::new("/a b/x\"y.cjs"), OsStr::new(options)).into_string().unwrap()
        };
        assert_eq!(told(""), r#"--require "/a b/x\"y.cjs""#);
        assert_eq!(told("--trace-gc"), r#"--require "/a b/x\"y.cjs" --trace-gc"#);
    }

    #[test]
    fn a_command_that_holds_node_by_flags_gets_no_script() {
        let order = |words: &[&str]| {
            Order::new(words.iter().map(OsString::from).collect(), PathBuf::from("/"))
        };
        assert!(why_untold(&order(&["node", "--permission", "x"]), OsStr::new("")).is_some());
        assert!(why_untold(&order(&["node", "x"]), OsStr::new("--a --permission")).is_some());
        assert!(why_untold(&order(&["node", "x"]), OsStr::new("--a")).is_none());
    }
}
