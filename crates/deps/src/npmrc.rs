//! npm's own configuration, as far as it says where a registry is and how to speak to it.
//!
//! The same files in the same order as npm (npm-config, npmrc): the environment, the project's
//! `.npmrc`, the user's, the machine's. No host is built in: where nobody names a registry there is
//! none. Proxies and client certificates are not read, and certificates are always checked, whatever
//! `strict-ssl` says.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::walk::{self, ReadError};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What npm is configured to do.
#[derive(Debug, Clone, Default)]
pub struct Npmrc {
    /// By key; what counts more was put in first.
    values: BTreeMap<String, String>,
}

/// Why the configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NpmrcError {
    /// A file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A value names a variable that is not set; npm would send the text itself as a password.
    #[error("{}: {key} needs the variable {variable}, which is not set", path.display())]
    Variable {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The variable.
        variable: String,
    },
}

/// Variables of the environment.
pub type Variables = BTreeMap<String, String>;

impl Npmrc {
    /// What holds for a project in `folder` with these variables.
    ///
    /// # Errors
    /// [`NpmrcError`]; a file that is not there is none.
    pub fn read(folder: &Path, variables: &Variables) -> Result<Self, NpmrcError> {
        let mut config = Self::default();
        for (name, value) in variables {
            let lower = name.to_ascii_lowercase();
            if let Some(key) = lower.strip_prefix("npm_config_").filter(|_| !value.is_empty()) {
                // Keys of registries keep their case; others have `_` for `-`.
                let plain = key.starts_with('/') || key.starts_with('@');
                let key = if plain {
                    name["npm_config_".len()..].to_owned()
                } else {
                    key.replace('_', "-")
                };
                config.values.entry(key).or_insert_with(|| value.clone());
            }
        }
        config.file(&folder.join(".npmrc"), variables)?;
        if let Some(path) = config.user(variables) {
            config.file(&path, variables)?;
        }
        for path in config.machine(variables) {
            config.file(&path, variables)?;
        }
        Ok(config)
    }

    /// The user's file.
    fn user(&self, variables: &Variables) -> Option<PathBuf> {
        let named = self.values.get("userconfig").map(PathBuf::from);
        named.or_else(|| Some(Path::new(variables.get("HOME")?).join(".npmrc")))
    }

    /// The machine's files: the one that is named, else the one beside the first Node on the path.
    fn machine(&self, variables: &Variables) -> Vec<PathBuf> {
        if let Some(named) = self.values.get("globalconfig") {
            return vec![named.into()];
        }
        if let Some(prefix) = self.values.get("prefix") {
            return vec![Path::new(prefix).join("etc/npmrc")];
        }
        let path = variables.get("PATH").map(String::as_str).unwrap_or_default();
        let nodes = std::env::split_paths(path).filter(|folder| folder.join("node").is_file());
        let beside = nodes.filter_map(|folder| Some(folder.parent()?.join("etc/npmrc")));
        beside.take(1).collect()
    }

    fn file(&mut self, path: &Path, variables: &Variables) -> Result<(), NpmrcError> {
        let unreadable = |source| NpmrcError::Read { path: path.to_owned(), source };
        let bytes = match walk::bytes(path, LONGEST) {
            Ok(bytes) => bytes,
            // What many name for "no file".
            Err(ReadError::Kind) if path == Path::new("/dev/null") => return Ok(()),
            Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(ReadError::Io(error)) => return Err(unreadable(error)),
            Err(error) => return Err(unreadable(io::Error::other(error))),
        };
        let text = String::from_utf8(bytes)
            .map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        for (key, value) in entries(&text) {
            if !self.values.contains_key(key) && is_wanted(key) {
                let value = expanded(value, variables).map_err(|variable| {
                    NpmrcError::Variable { path: path.to_owned(), key: key.to_owned(), variable }
                })?;
                self.values.insert(key.to_owned(), value);
            }
        }
        Ok(())
    }

    /// The registry of a package, without a slash at its end; `None` where nobody named one.
    #[must_use]
    pub fn registry(&self, package: &str) -> Option<&str> {
        let scope = package.split_once('/').map(|(scope, _)| scope);
        let own = scope.filter(|scope| scope.starts_with('@'));
        let own = own.and_then(|scope| self.values.get(&format!("{scope}:registry")));
        let url = own.or_else(|| self.values.get("registry"))?.trim_end_matches('/');
        (!url.is_empty()).then_some(url)
    }

    /// Every registry that is named, for all packages or for a scope.
    pub fn registries(&self) -> impl Iterator<Item = &str> {
        let named = self.values.iter();
        let named = named.filter(|(key, _)| *key == "registry" || key.ends_with(":registry"));
        named.map(|(_, url)| url.as_str())
    }

    /// The value of `Authorization` for an address: what is configured for the longest beginning of it.
    #[must_use]
    pub fn authorization(&self, url: &str) -> Option<String> {
        let rest = url.split_once("://")?.1;
        let mut place = format!("//{}", rest.split(['?', '#']).next()?);
        loop {
            let slashed = format!("{}/", place.trim_end_matches('/'));
            for place in [place.as_str(), slashed.as_str()] {
                let of = |key: &str| self.values.get(&format!("{place}:{key}"));
                if let Some(token) = of("_authToken") {
                    return Some(format!("Bearer {token}"));
                }
                if let Some(both) = of("_auth") {
                    return Some(format!("Basic {both}"));
                }
                if let Some((user, password)) = of("username").zip(of("_password")) {
                    let password = BASE64.decode(password).ok()?;
                    let both = [user.as_bytes(), b":", &password].concat();
                    return Some(format!("Basic {}", BASE64.encode(both)));
                }
            }
            let end = place.trim_end_matches('/').rfind('/').filter(|end| *end > 1)?;
            place.truncate(end);
        }
    }

    /// The folder of npm's cache.
    #[must_use]
    pub fn cache(&self, variables: &Variables) -> Option<PathBuf> {
        let home = || variables.get("HOME").filter(|home| !home.is_empty()).map(Path::new);
        match self.values.get("cache") {
            Some(named) => match named.strip_prefix("~/") {
                Some(rest) => Some(home()?.join(rest)),
                None => Some(named.into()),
            },
            None => Some(home()?.join(".npm")),
        }
    }

    /// Names the registry of all packages that have none so far.
    pub fn set_registry(&mut self, url: &str) {
        self.values.entry("registry".to_owned()).or_insert_with(|| url.to_owned());
    }

    /// The file with the authorities that are believed, where one is named.
    #[must_use]
    pub fn authorities(&self) -> Option<&Path> {
        self.values.get("cafile").filter(|path| *path != "null").map(Path::new)
    }
}

/// Keys that are used: nothing else of the configuration need be understood.
fn is_wanted(key: &str) -> bool {
    let plain = ["registry", "cache", "cafile", "userconfig", "globalconfig", "prefix"];
    let auth = [":_authToken", ":_auth", ":username", ":_password"];
    plain.contains(&key)
        || (key.starts_with('@') && key.ends_with(":registry"))
        || (key.starts_with("//") && auth.iter().any(|end| key.ends_with(end)))
}

/// Keys and values of the form `ini`. Of a key that is there twice, the last counts.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with([';', '#', '['])).rev();
    lines.filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let (key, value) = (unquoted(key.trim()), value.trim());
        // A comment behind a value begins after a blank, or it would cut addresses.
        let value = if value.starts_with(['"', '\'']) {
            unquoted(value)
        } else {
            let comment = value.find(" ;").or_else(|| value.find(" #"));
            comment.map_or(value, |at| value[..at].trim_end())
        };
        Some((key, value))
    })
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// `${NAME}` as npm replaces it; `${NAME?}` may be missing. An error is the name of what is not set.
fn expanded(text: &str, variables: &Variables) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        match (variables.get(name.trim_end_matches('?')), name.ends_with('?')) {
            (Some(value), _) => out.push_str(value),
            (None, true) => {}
            (None, false) => return Err(name.to_owned()),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Npmrc, NpmrcError> {
        let place = tempfile::tempdir().unwrap();
        let home = place.path().join("home");
        fs::create_dir_all(&home).unwrap();
        for (name, text) in files {
            fs::write(place.path().join(name), text).unwrap();
        }
        let mut all: Variables =
            variables.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        all.insert("HOME".into(), home.to_string_lossy().into_owned());
        Npmrc::read(place.path(), &all)
    }

    #[test]
    fn the_project_counts_more_than_the_user_and_the_environment_more_than_both() {
        let files = [
            (".npmrc", "; project\nregistry = \"https://one.example/npm/\"\n"),
            ("home/.npmrc", "registry=https://two.example\n@s:registry=https://three.example/\n"),
        ];
        let config = read(&files, &[]).unwrap();
        assert_eq!(config.registry("a"), Some("https://one.example/npm"));
        assert_eq!(config.registry("@s/a"), Some("https://three.example"));
        assert_eq!(config.registry("@t/a"), Some("https://one.example/npm"));
        let config = read(&files, &[("NPM_CONFIG_REGISTRY", "https://env.example")]).unwrap();
        assert_eq!(config.registry("a"), Some("https://env.example"));
        assert_eq!(read(&[], &[]).unwrap().registry("a"), None, "no host is built in");
    }

    #[test]
    fn a_token_is_for_the_registry_it_is_written_for() {
        let text = "//one.example/npm/:_authToken=${TOKEN}\n//two.example/:_auth=abc\n\
            //three.example:8443/:username=u\n//three.example:8443/:_password=cA==\n";
        let config = read(&[(".npmrc", text)], &[("TOKEN", "t")]).unwrap();
        let of = |url: &str| config.authorization(url);
        assert_eq!(of("https://one.example/npm/-/x").as_deref(), Some("Bearer t"));
        assert_eq!(of("https://one.example/npmx/-/x"), None);
        assert_eq!(of("https://one.example/"), None);
        assert_eq!(of("https://two.example/deep/er").as_deref(), Some("Basic abc"));
        assert_eq!(of("https://three.example:8443/x").as_deref(), Some("Basic dTpw"));
        assert_eq!(of("https://three.example/x"), None);
        let missing = read(&[(".npmrc", text)], &[]).unwrap_err();
        assert!(missing.to_string().ends_with("needs the variable TOKEN, which is not set"));
    }
}
