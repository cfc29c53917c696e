//! The registry that npm's own configuration names: metadata and tarballs.
//!
//! One host is reached for each package and no other, as [`crate::http`] has it; tarballs of another
//! host are refused.

use super::Packument;
use crate::http::{AskError, Bounds, Registries, same_origin};
use crate::npmrc::Npmrc;
use ringfence_policy::display::quoted;
use ringfence_project::graph::{Package, Source};
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a registry says of one name: some have thousands of versions.
const DOCUMENT: Bounds = Bounds { time: Duration::from_mins(1), bytes: 256 << 20 };

/// The form of a document that has everything.
const WHOLE: &str = "application/json";

/// The form that npm installs from: hashes and addresses, and neither moments nor people.
const SHORT: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8";

/// Time for a tarball.
const PATIENCE: Duration = Duration::from_mins(5);

/// Says why there is no answer: lower case, no period, text of others escaped.
type Answer<T> = Result<T, String>;

/// A registry that may be asked. May be shared by threads; remembers what it was told.
#[derive(Debug)]
pub struct Remote {
    registries: Registries,
    told: Mutex<HashMap<String, Answer<Option<Arc<Packument>>>>>,
}

impl Remote {
    /// The registry that is configured.
    ///
    /// # Errors
    /// Certificates are configured and cannot be read.
    pub fn new(npmrc: &Npmrc) -> Answer<Self> {
        let registries = Registries::new(npmrc).map_err(|error| error.told())?;
        Ok(Self { registries, told: Mutex::default() })
    }

    /// Gives everything that is asked this much time together.
    #[must_use]
    pub fn with_time(self, altogether: Duration) -> Self {
        Self { registries: self.registries.with_time(altogether), ..self }
    }

    /// What the registry says of a name; nothing where it does not know it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn packument(&self, name: &str) -> Answer<Option<Arc<Packument>>> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(told) = told {
            return told;
        }
        let answer = self.ask(name, &|_| true).map(|told| told.map(Arc::new));
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_owned()).or_insert(answer).clone()
    }

    /// The same of some versions, asked anew and not remembered: whoever asks about many keeps what is
    /// needed. The document is read as it comes, and what is not wanted is not kept.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(&self, name: &str, wanted: &dyn Fn(&str) -> bool) -> Answer<Option<Packument>> {
        self.ask_as(WHOLE, name, wanted)
    }

    /// The hash by which the registry serves a version, where it has one. Asks for the short form of the
    /// document, which has all hashes; a registry that knows no short form sends the long one.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn integrity(&self, name: &str, version: &str) -> Answer<Option<String>> {
        let told = self.ask_as(SHORT, name, &|one| one == version)?;
        Ok(told.and_then(|mut told| told.versions.remove(version)?.integrity))
    }

    fn ask_as(
        &self,
        accept: &str,
        name: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Answer<Option<Packument>> {
        if !is_name(name) {
            return Err(format!("{} is not the name of a package", quoted(name)));
        }
        let url = format!("{}{}", self.registry(name)?, name.replace('/', "%2f"));
        let read = |body: &mut dyn Read| Packument::from_reader(body, wanted);
        let read = match self.registries.read(&url, accept, DOCUMENT, read) {
            Ok(read) => read.map_err(|error| format!("the registry's answer is {error}"))?,
            Err(AskError::Status(404)) => return Ok(None),
            Err(error) => return Err(error.told()),
        };
        if read.name != name {
            return Err("the registry speaks of another package".to_owned());
        }
        Ok(Some(read))
    }

    /// The bytes of a package's tarball, at most `most`. Their hash is the caller's to check.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn tarball(&self, package: &Package, most: u64) -> Answer<Vec<u8>> {
        let name = &package.name;
        let version = package.version.as_deref().unwrap_or_default();
        if !is_name(name) || version.is_empty() {
            return Err("it has no name and version that a registry knows".to_owned());
        }
        let registry = self.registry(name)?;
        let own = match &package.source {
            Source::Registry { url: Some(url) } if same_origin(url, &registry) => Some(url.clone()),
            _ => None,
        };
        let plain = name.rsplit('/').next().unwrap_or(name);
        let number = version.split('+').next().unwrap_or(version);
        let url = own.unwrap_or_else(|| format!("{registry}{name}/-/{plain}-{number}.tgz"));
        self.bytes(&url, most)
    }

    /// The bytes behind an address that the registry itself gave for a package of this name.
    ///
    /// # Errors
    /// Another host than the registry's, and why there is no answer.
    pub fn tarball_at(&self, name: &str, url: &str, most: u64) -> Answer<Vec<u8>> {
        let registry = self.registry(name)?;
        if !same_origin(url, &registry) {
            return Err(format!("the tarball lies at another host: {}", quoted(url)));
        }
        self.bytes(url, most)
    }

    fn bytes(&self, url: &str, most: u64) -> Answer<Vec<u8>> {
        let bounds = Bounds { time: PATIENCE, bytes: most };
        self.registries.fetch(url, "*/*", bounds).map_err(|error| error.told())
    }

    fn registry(&self, name: &str) -> Answer<String> {
        self.registries.of(name).map_err(|error| error.told())
    }
}

/// What npm takes for the name of a package, as far as it goes into an address.
pub(crate) fn is_name(name: &str) -> bool {
    let part = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!'()*".contains(&byte);
        !text.is_empty() && !text.starts_with('.') && text.len() <= 214 && text.bytes().all(fits)
    };
    match name.strip_prefix('@') {
        Some(rest) => rest.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
        None => part(name),
    }
}
