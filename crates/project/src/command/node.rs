//! A command line of Node, taken apart.

/// A command whose program is Node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeCommand {
    /// The program, as written: `node`, or a path.
    pub program: String,
    /// Node's options without those of the permission model, in order, values joined to theirs.
    pub options: Vec<String>,
    /// The permission model's options.
    pub permission: Permission,
    /// The script; `None` with `--eval` and the like, and for a bare `node`.
    pub script: Option<String>,
    /// What the script gets.
    pub arguments: Vec<String>,
}

/// The permission model's options of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permission {
    /// Each as it stands there, in order.
    pub flags: Vec<PermissionFlag>,
}

/// One option of the permission model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionFlag {
    /// Its name, without a value: `--allow-fs-read`.
    pub name: String,
    /// Its value, where it has one.
    pub value: Option<String>,
}

/// Options whose value may be the next word. Those of V8 take theirs behind `=` only.
const WITH_VALUE: [&str; 36] = [
    "--allow-fs-read",
    "--allow-fs-write",
    "--conditions",
    "--cpu-prof-dir",
    "--cpu-prof-name",
    "--diagnostic-dir",
    "--disable-proto",
    "--disable-warning",
    "--dns-result-order",
    "--env-file",
    "--env-file-if-exists",
    "--eval",
    "--experimental-config-file",
    "--experimental-loader",
    "--heapsnapshot-signal",
    "--icu-data-dir",
    "--import",
    "--input-type",
    "--inspect-port",
    "--loader",
    "--localstorage-file",
    "--openssl-config",
    "--print",
    "--redirect-warnings",
    "--report-dir",
    "--report-directory",
    "--report-filename",
    "--require",
    "--run",
    "--secure-heap",
    "--title",
    "--tls-cipher-list",
    "--trace-event-categories",
    "--unhandled-rejections",
    "--watch-path",
    "-C",
];

/// Short options whose value may be the next word.
const SHORT_WITH_VALUE: [&str; 3] = ["-e", "-p", "-r"];

/// Options that make Node run no script of a file.
const NO_SCRIPT: [&str; 6] = ["--eval", "--print", "--run", "--test", "-e", "-p"];

/// Whether a word names Node: `node`, `nodejs`, or a path that ends so.
#[must_use]
pub fn is_node(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    matches!(name, "node" | "nodejs" | "node.exe")
}

impl NodeCommand {
    /// Takes a command apart; `None` when its program is not Node.
    #[must_use]
    pub fn read(words: &[String]) -> Option<Self> {
        let (program, rest) = words.split_first()?;
        if !is_node(program) {
            return None;
        }
        let mut command = Self { program: program.clone(), ..Self::default() };
        let mut rest = rest.iter();
        let mut no_script = false;
        while let Some(word) = rest.next() {
            if word == "--" || !word.starts_with('-') || word == "-" {
                if word != "--" && !no_script {
                    command.script = Some(word.clone());
                } else if word != "--" {
                    command.arguments.push(word.clone());
                } else if !no_script {
                    command.script = rest.next().cloned();
                }
                command.arguments.extend(rest.cloned());
                break;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            no_script |= NO_SCRIPT.contains(&name);
            let takes = WITH_VALUE.contains(&name) || SHORT_WITH_VALUE.contains(&name);
            let split = value.is_none() && takes;
            let value = if split { rest.next().cloned() } else { value };
            if is_permission(name) {
                command.permission.flags.push(PermissionFlag { name: normal(name), value });
            } else {
                command.options.push(word.clone());
                command.options.extend(value.filter(|_| split));
            }
        }
        Some(command)
    }
}

/// Node takes `_` for `-` within an option.
fn normal(name: &str) -> String {
    name.replace('_', "-")
}

fn is_permission(name: &str) -> bool {
    let name = normal(name);
    let name = name.strip_prefix("--no-").map_or(name.clone(), |rest| format!("--{rest}"));
    name.starts_with("--allow-")
        || name.starts_with("--deny-")
        || ["--permission", "--permission-audit", "--experimental-permission"]
            .contains(&name.as_str())
}

impl Permission {
    /// Whether a flag is there, with any value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }

    /// Whether the model is asked for by either of its names.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.has("--permission") || self.has("--experimental-permission")
    }

    /// The entries that were meant: values of a flag, with commas between them.
    #[must_use]
    pub fn meant(&self, name: &str) -> Vec<&str> {
        let values = self.flags.iter().filter(|flag| flag.name == name);
        let values = values.filter_map(|flag| flag.value.as_deref());
        values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .collect()
    }
}

impl std::fmt::Display for PermissionFlag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NodeCommand {
        NodeCommand::read(&super::super::split(text).unwrap().words).unwrap()
    }

    #[test]
    fn options_permissions_script_and_arguments_are_told_apart() {
        let command = read(
            "/usr/bin/node --permission --allow-fs-read=/a,/b --allow-fs-read /c -r ./x.cjs \
             --enable-source-maps --allow-net=api.internal:443 src/a.mjs --port 80",
        );
        assert_eq!(command.script.as_deref(), Some("src/a.mjs"));
        assert_eq!(command.options, ["-r", "./x.cjs", "--enable-source-maps"]);
        assert_eq!(command.arguments, ["--port", "80"]);
        assert!(command.permission.enabled());
        assert_eq!(command.permission.meant("--allow-fs-read"), ["/a", "/b", "/c"]);
        assert_eq!(command.permission.meant("--allow-net"), ["api.internal:443"]);
    }

    #[test]
    fn a_command_without_a_script_has_none() {
        assert_eq!(read("node -e 'x()' a").script, None);
        assert_eq!(read("node").script, None);
        assert_eq!(read("node -- -a.js b").script.as_deref(), Some("-a.js"));
        assert_eq!(read("node --test a.js").script, None);
        assert!(NodeCommand::read(&["npm".to_owned(), "start".to_owned()]).is_none());
        assert!(NodeCommand::read(&[]).is_none());
    }
}
