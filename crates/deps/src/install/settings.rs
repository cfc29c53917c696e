//! Settings of the managers that change where an install writes, or what its scripts are started with.
//!
//! What is done here is one thing alone: `node_modules` of the project, scripts by `/bin/sh` with Node as
//! it is. A setting that asks for another thing is refused by name, and one that asks for no scripts is
//! obeyed. Settings that the manager itself obeys in the fetch, such as `omit` and the hoisting of
//! pnpm, are not its business. The value is looked for where the manager looks: the environment, the
//! project's `.npmrc`, the user's, and for pnpm `pnpm-workspace.yaml` and `pnpm` in `package.json`.

use super::Install;
use super::error::InstallError;
use super::tools::Kind;
use crate::scripts::write::yaml_word;
use ringfence_project::walk;
use serde_json::Value;

/// Largest file that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// A setting that is refused.
struct Setting {
    /// As `.npmrc` writes it.
    key: &'static str,
    /// Whose it is; npm's are pnpm's too where nothing is said.
    of: Option<Kind>,
    /// Values that change nothing.
    usual: &'static [&'static str],
    /// What it would do.
    why: &'static str,
}

const fn setting(
    key: &'static str,
    of: Option<Kind>,
    usual: &'static [&'static str],
    why: &'static str,
) -> Setting {
    Setting { key, of, usual, why }
}

const NPM: Option<Kind> = Some(Kind::Npm);
const PNPM: Option<Kind> = Some(Kind::Pnpm);
const WHOLE: &str = "it asks for an install of the whole machine, and this is one of a project";
const LAID_OUT: &str =
    "the tree would be laid out otherwise than it is compared and put in place here";
const STARTED: &str =
    "scripts would be started otherwise than here: by /bin/sh and with Node as it is";

/// All that are refused, with other values than the usual ones.
const REFUSED: [Setting; 15] = [
    setting("global", None, &["false"], WHOLE),
    setting("location", NPM, &["user", "project"], WHOLE),
    setting("install-strategy", NPM, &["hoisted"], LAID_OUT),
    setting("global-style", NPM, &["false"], LAID_OUT),
    setting("legacy-bundling", NPM, &["false"], LAID_OUT),
    setting("modules-dir", PNPM, &["node_modules", "./node_modules"], LAID_OUT),
    setting("virtual-store-dir", PNPM, &["node_modules/.pnpm", "./node_modules/.pnpm"], LAID_OUT),
    setting("node-linker", PNPM, &["isolated", "hoisted"], LAID_OUT),
    setting("enable-global-virtual-store", PNPM, &["false"], LAID_OUT),
    setting("symlink", PNPM, &["true"], LAID_OUT),
    setting("shared-workspace-lockfile", PNPM, &["true"], LAID_OUT),
    setting("lockfile-dir", PNPM, &["."], LAID_OUT),
    setting("script-shell", None, &["/bin/sh", "sh", "null"], STARTED),
    setting("node-options", None, &["null"], STARTED),
    setting("shell-emulator", PNPM, &["false"], STARTED),
];

/// Where settings stand.
pub(super) struct Settings<'a> {
    install: &'a Install<'a>,
    /// `.npmrc` of the project and of the user, with their names.
    files: Vec<(String, String)>,
    yaml: String,
    manifest: Value,
}

impl<'a> Settings<'a> {
    pub(super) fn read(install: &'a Install<'a>) -> Self {
        let text = |path: &std::path::Path| walk::text(path, LONGEST).unwrap_or_default();
        let own = install.folder.join(".npmrc");
        let named = install.variables.iter().find_map(|(name, value)| {
            name.eq_ignore_ascii_case("npm_config_userconfig").then(|| value.into())
        });
        let user = named.unwrap_or_else(|| std::path::Path::new(install.home()).join(".npmrc"));
        let files = [own, user].map(|path| (path.display().to_string(), text(&path)));
        let manifest = text(&install.folder.join("package.json"));
        Self {
            install,
            files: files.into(),
            yaml: text(&install.folder.join("pnpm-workspace.yaml")),
            manifest: serde_json::from_str(&manifest).unwrap_or_default(),
        }
    }

    /// Refuses what asks for another install than is made here.
    pub(super) fn check(&self) -> Result<(), InstallError> {
        let kind = self.install.tools.manager.kind;
        for one in REFUSED.iter().filter(|one| one.of.is_none_or(|of| of == kind)) {
            if let Some((place, value)) = self.value(one.key)
                && !one.usual.contains(&value.as_str())
                && !value.is_empty()
            {
                let (key, why) = (one.key, one.why);
                return Err(InstallError::Setting { place, key, value, why });
            }
        }
        Ok(())
    }

    /// Where it stands that no script runs.
    pub(super) fn without_scripts(&self) -> Option<String> {
        let (place, value) = self.value("ignore-scripts")?;
        (value == "true").then_some(place)
    }

    /// The value that counts, and where it stands.
    fn value(&self, key: &str) -> Option<(String, String)> {
        let variable = self.install.variables.iter().find_map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let own = lower.strip_prefix("npm_config_").or(lower.strip_prefix("pnpm_config_"))?;
            (own.replace('_', "-") == key).then(|| (name.clone(), value.clone()))
        });
        let of_pnpm = || {
            if self.install.tools.manager.kind != Kind::Pnpm {
                return None;
            }
            let camel = camel(key);
            let yaml = yaml_word(&self.yaml, &camel);
            let yaml = yaml.map(|value| ("pnpm-workspace.yaml".to_owned(), value));
            yaml.or_else(|| {
                let value = match self.manifest.get("pnpm")?.get(&camel)? {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Some(("pnpm in package.json".to_owned(), value))
            })
        };
        let files = || {
            let mut files = self.files.iter();
            files.find_map(|(name, text)| Some((name.clone(), entry(text, key)?)))
        };
        variable.or_else(of_pnpm).or_else(files)
    }
}

/// `node-linker` as YAML and JSON write it: `nodeLinker`.
fn camel(key: &str) -> String {
    let mut words = key.split('-');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        text += &first.to_ascii_uppercase();
        text += rest;
    }
    text
}

/// The last value of a key of an `.npmrc`; a key alone is `true`.
fn entry(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with([';', '#', '[']));
    let mut values = lines.filter_map(|line| match line.split_once('=') {
        Some((name, value)) if name.trim() == key => Some(value.trim()),
        None if line == key => Some("true"),
        _ => None,
    });
    values.next_back().map(|value| value.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_the_managers_write_it() {
        let text = "; global=true\nglobal\nnode-options = \"--x\"\nnode-options=--y\n";
        assert_eq!(entry(text, "global").as_deref(), Some("true"));
        assert_eq!(entry(text, "node-options").as_deref(), Some("--y"));
        assert_eq!(entry(text, "location"), None);
        assert_eq!(camel("enable-global-virtual-store"), "enableGlobalVirtualStore");
        assert_eq!(camel("symlink"), "symlink");
    }
}
