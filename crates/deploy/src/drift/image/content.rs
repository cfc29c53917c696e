//! What is looked into while layers pass by: files that look like secrets, and the list of installed
//! packages.

use crate::render::Order;
use crate::render::dockerfile::secret_sources;
use ringfence_policy::display::hex;
use ringfence_project::image::{Entry, Kind, Visitor};
use ringfence_project::lockfile::{self, LockedPackage, Manager};
use ringfence_project::variables::{self, suspicion, suspicion_of_file};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Secrets that are told; an image of somebody's home folder has no end of them.
const MOST: usize = 200;
/// Bytes of a file that may be a secret.
const LOOKED: u64 = 64 * 1024;
/// Bytes of a list of packages.
const LIST: u64 = 32 << 20;

/// A file that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) path: String,
    pub(super) layer: usize,
    pub(super) why: String,
}

/// What was seen of contents.
#[derive(Debug)]
pub(super) struct Looked<'a> {
    order: &'a Order<'a>,
    sources: BTreeSet<String>,
    /// What looks like a secret, in any layer.
    pub(super) secrets: Vec<Secret>,
    /// More were found than are kept.
    pub(super) cut: bool,
    /// Packages as npm installed them, from its hidden lockfile or the project's.
    pub(super) packages: Option<Vec<LockedPackage>>,
    hidden: bool,
    /// Hash of the boundary file of the highest layer that has one, and that layer.
    pub(super) boundary: Option<(usize, String)>,
}

impl<'a> Looked<'a> {
    pub(super) fn new(order: &'a Order<'a>) -> Self {
        Self {
            order,
            sources: secret_sources(order),
            secrets: Vec::new(),
            cut: false,
            packages: None,
            hidden: false,
            boundary: None,
        }
    }

    /// Path relative to the folder of the boundary file.
    fn relative<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(self.order.place.trim_start_matches('/'))?.strip_prefix('/')
    }

    fn is_boundary(&self, entry: &Entry) -> bool {
        entry.path == self.order.file().trim_start_matches('/')
    }

    fn is_package_list(&self, entry: &Entry) -> bool {
        matches!(
            self.relative(&entry.path),
            Some("node_modules/.package-lock.json" | "package-lock.json" | "npm-shrinkwrap.json")
        )
    }

    fn secret(&mut self, entry: &Entry, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
        let source = self.relative(&entry.path).is_some_and(|path| self.sources.contains(path));
        let why = if source {
            Some("the source of a secret of the boundary".to_owned())
        } else if text.contains("PRIVATE KEY-----")
            && text.contains("-----BEGIN")
            && (text.trim_start().starts_with("-----BEGIN")
                || suspicion_of_file(&entry.path).is_some())
        {
            Some("it holds a private key".to_owned())
        } else if is_host_key(&entry.path) {
            Some("the key by which a host proves itself".to_owned())
        } else if name == ".npmrc" || name == ".yarnrc.yml" {
            token(&text)
        } else if name.starts_with(".env") || name.rsplit('.').next() == Some("env") {
            variable(&text).or_else(|| value(name, &text))
        } else {
            // A certificate is none; a file of passwords has no form of its own.
            let named =
                suspicion_of_file(&entry.path).filter(|why| *why != "a key or a certificate");
            named.filter(|_| !content.is_empty()).map(str::to_owned)
        };
        // That the service may read it does not make it less of a secret for those who get the image.
        let Some(why) = why else { return };
        if self.secrets.len() == MOST {
            self.cut = true;
            return;
        }
        self.secrets.push(Secret { path: entry.path.clone(), layer: entry.layer, why });
    }
}

/// Bytes of a file that may be a key under any name.
const SHORT: u64 = 16 * 1024;

/// `.env`, `.env.production`, `x.env`
fn is_env(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".env") || name.rsplit('.').next() == Some("env")
}

/// `ssh_host_ed25519_key`
fn is_host_key(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("ssh_host_") && name.ends_with("_key")
}

/// A line with a token of a registry.
fn token(text: &str) -> Option<String> {
    let line = |line: &str| {
        let (key, value) = line.split_once(['=', ':'])?;
        let secret = ["_auth", "_password", "npmAuthToken", "npmAuthIdent"];
        let named = secret.iter().any(|word| line.contains(word));
        (named && !key.trim_start().starts_with(['#', ';']) && !value.contains("${")).then_some(())
    };
    text.lines().find_map(line).map(|()| "it holds a token of a registry".to_owned())
}

/// A variable that looks secret; its value is not told.
fn variable(text: &str) -> Option<String> {
    let found = variables::parse(text).variables.into_iter().find_map(|variable| {
        let value = variable.value.into_exposed();
        (!value.is_empty()).then(|| suspicion(&variable.name, &value)).flatten()?;
        Some(variable.name)
    });
    found.map(|name| format!("it sets {name}"))
}

/// Any value in a file of the environment that is no example: what is set there is set for one place.
fn value(name: &str, text: &str) -> Option<String> {
    if ["example", "sample", "template", "dist"].iter().any(|word| name.contains(word)) {
        return None;
    }
    let mut variables = variables::parse(text).variables.into_iter();
    let tells = |value: &str| {
        // Numbers and switches are none.
        value.bytes().any(|byte| !byte.is_ascii_digit())
            && !["true", "false", "yes", "no", "on", "off", "production", "development"]
                .contains(&value)
    };
    let found = variables.find(|variable| tells(&variable.value.clone().into_exposed()));
    found.map(|variable| format!("it sets {}", variable.name))
}

impl Visitor for Looked<'_> {
    fn wanted(&mut self, entry: &Entry) -> u64 {
        if entry.kind != Kind::File {
            return 0;
        }
        if self.is_package_list(entry) || self.is_boundary(entry) {
            return LIST;
        }
        let source = self.relative(&entry.path).is_some_and(|path| self.sources.contains(path));
        let named = suspicion_of_file(&entry.path).is_some() || is_env(&entry.path);
        // A key is told by how it begins, whatever its name is.
        if source || named || is_host_key(&entry.path) || entry.size <= SHORT { LOOKED } else { 0 }
    }

    fn visit(&mut self, entry: &Entry, content: &[u8]) {
        if self.is_boundary(entry) {
            self.boundary = Some((entry.layer, hex(&Sha256::digest(content))));
            return;
        }
        if content.is_empty() {
            return;
        }
        if self.is_package_list(entry) {
            let hidden = entry.path.ends_with(".package-lock.json");
            let text = String::from_utf8_lossy(content);
            let read = lockfile::parse("package-lock.json", Manager::Npm, &text);
            // What npm wrote beside the packages says what is there; the other what was meant.
            if let Ok(read) = read
                && (hidden || !self.hidden)
            {
                self.packages = read.packages;
                self.hidden |= hidden;
            }
            return;
        }
        self.secret(entry, content);
    }
}
