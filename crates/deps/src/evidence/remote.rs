//! The registry that npm's own configuration names: metadata and tarballs, by HTTPS, within bounds.
//!
//! One host is reached for each package and no other: a redirect elsewhere is refused. `http` is spoken
//! with this machine alone.

use super::Packument;
use crate::npmrc::Npmrc;
use ringfence_guard::fetch::{Client, Limits, Request, Response, Trust};
use ringfence_guard::url::Allowed;
use ringfence_policy::display::quoted;
use ringfence_project::graph::{Package, Source};
use ringfence_project::walk;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most bytes of what a registry says of one name: some have thousands of versions.
const LARGEST: u64 = 256 << 20;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says why there is no answer: lower case, no period, text of others escaped.
type Answer<T> = Result<T, String>;

/// A registry that may be asked. May be shared by threads; remembers what it was told.
#[derive(Debug)]
pub struct Remote {
    npmrc: Npmrc,
    trust: Trust,
    clients: Mutex<HashMap<(String, u64), Arc<Client>>>,
    told: Mutex<HashMap<String, Answer<Option<Arc<Packument>>>>>,
}

impl Remote {
    /// The registry that is configured.
    ///
    /// # Errors
    /// Certificates are configured and cannot be read.
    pub fn new(npmrc: &Npmrc) -> Answer<Self> {
        let trust = match npmrc.authorities() {
            None => Trust::System,
            Some(file) => Trust::Only(
                walk::bytes(file, 16 << 20).map_err(|error| format!("npm's cafile: {error}"))?,
            ),
        };
        let (clients, told) = (Mutex::default(), Mutex::default());
        Ok(Self { npmrc: npmrc.clone(), trust, clients, told })
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
        let answer = self.ask(name);
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(name.to_owned()).or_insert(answer).clone()
    }

    fn ask(&self, name: &str) -> Answer<Option<Arc<Packument>>> {
        if !is_name(name) {
            return Err(format!("{} is not the name of a package", quoted(name)));
        }
        let url = format!("{}{}", self.registry(name)?, name.replace('/', "%2f"));
        let answer = self.fetch(&url, "application/json", LARGEST)?;
        match answer.status() {
            404 => return Ok(None),
            200 => {}
            status => return Err(format!("the registry answers with status {status}")),
        }
        let bytes = answer.bytes().map_err(|error| error.to_string())?;
        let read = Packument::read(&bytes).map_err(|error| format!("the registry: {error}"))?;
        if read.name != name {
            return Err("the registry speaks of another package".to_owned());
        }
        Ok(Some(Arc::new(read)))
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
        let answer = self.fetch(url, "*/*", most)?;
        if !answer.is_success() {
            return Err(format!("the registry answers with status {}", answer.status()));
        }
        answer.bytes().map_err(|error| error.to_string())
    }

    fn registry(&self, name: &str) -> Answer<String> {
        let address = self.npmrc.registry(name).ok_or("npm has no registry configured")?;
        Ok(format!("{address}/"))
    }

    fn fetch(&self, url: &str, accept: &str, most: u64) -> Answer<Response> {
        let client = self.client(url, most)?;
        let told =
            |error: ringfence_guard::fetch::FetchError| match std::error::Error::source(&error) {
                Some(cause) => format!("the registry: {error}: {cause}"),
                None => format!("the registry: {error}"),
            };
        let mut request = Request::get(url).with_header("accept", accept).map_err(told)?;
        if let Some(credentials) = self.npmrc.authorization(url) {
            request = request.with_header("authorization", &credentials).map_err(told)?;
        }
        client.fetch(request).map_err(told)
    }

    /// A client that reaches the host of this address alone.
    fn client(&self, url: &str, most: u64) -> Answer<Arc<Client>> {
        let (scheme, host, port) =
            origin(url).ok_or_else(|| "the registry's address is none".to_owned())?;
        let key = (format!("{scheme}://{host}:{port}"), most);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(Arc::clone(client));
        }
        let malformed = |_| "the registry's address is none".to_owned();
        let allowed = Allowed::nothing();
        let allowed = match scheme {
            "https" => allowed.host(host, port),
            // Anybody on the way could change what is not hashed.
            "http" if is_this_machine(host) => allowed.plain_host(host, port),
            _ => return Err("a registry is asked by https alone".to_owned()),
        };
        // Whoever configured it may keep it in a private network.
        let allowed = allowed.and_then(|allowed| allowed.private(host)).map_err(malformed)?;
        let limits = Limits { time: PATIENCE, body: most, ..Limits::default() };
        let client =
            Client::new(allowed, &self.trust, limits).map_err(|error| error.to_string())?;
        let client = Arc::new(client);
        clients.insert(key, Arc::clone(&client));
        Ok(client)
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

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<(&str, &str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let numbered = authority.rsplit_once(':').filter(|(host, _)| {
        // The colons of an IPv6 address are inside its brackets.
        !host.starts_with('[') || host.ends_with(']')
    });
    let standard = if scheme == "https" { 443 } else { 80 };
    match numbered {
        Some((host, port)) => Some((scheme, host, port.parse().ok()?)),
        None => Some((scheme, authority, standard)),
    }
}

fn same_origin(one: &str, other: &str) -> bool {
    origin(one).is_some() && origin(one) == origin(other)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}
