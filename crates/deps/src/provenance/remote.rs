//! What the configured registry says of signatures, attestations and keys.

use super::bundle::{self, LARGEST};
use super::keys::{self, Key};
use super::{Signature, Source, Told};
use crate::evidence::is_name;
use crate::http::{AskError, Bounds, Registries};
use crate::npmrc::Npmrc;
use ringfence_policy::time;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// All versions of one name: some have thousands.
const DOCUMENT: Bounds = Bounds { time: Duration::from_mins(1), bytes: 256 << 20 };

/// The attestations of one version.
const ATTESTATIONS: Bounds = Bounds { time: Duration::from_mins(1), bytes: LARGEST };

/// The keys of a registry.
const KEYS: Bounds = Bounds { time: Duration::from_secs(30), bytes: 1 << 20 };

/// A registry that is asked. May be shared by threads.
#[derive(Debug)]
pub struct Remote {
    registries: Registries,
    known: Mutex<HashMap<String, Arc<Mutex<Option<Answer>>>>>,
    /// By the address of a registry; nothing where it serves none.
    keys: Mutex<HashMap<String, ToldKeys>>,
}

/// What is kept of a name; an error is why there is nothing.
type Answer = Result<Arc<Versions>, String>;

/// The keys of a registry; nothing where it serves none, and an error where there is no answer.
type ToldKeys = Result<Option<Arc<Vec<Key>>>, String>;

/// By version.
type Versions = BTreeMap<String, Known>;

#[derive(Debug)]
struct Known {
    published: Option<i64>,
    signatures: Option<Vec<Signature>>,
    attested: bool,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    versions: BTreeMap<String, Manifest>,
    #[serde(default)]
    time: BTreeMap<String, Moment>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dist: Dist,
}

#[derive(Deserialize, Default)]
struct Dist {
    signatures: Option<Vec<Signature>>,
    /// That there are some: what is said of them here is not kept, however much it is.
    attestations: Option<IgnoredAny>,
}

/// A moment, or something else, of which nothing is kept: values take many times the room of their text.
struct Moment(Option<i64>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Moments)
    }
}

struct Moments;

impl<'de> Visitor<'de> for Moments {
    type Value = Moment;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a moment")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        Ok(Moment(time::read(text)))
    }

    fn visit_unit<E: Error>(self) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Moment, E> {
        Ok(Moment(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Moment, A::Error> {
        IgnoredAny.visit_seq(items).map(|_| Moment(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Moment, A::Error> {
        IgnoredAny.visit_map(entries).map(|_| Moment(None))
    }
}

impl Remote {
    /// The registry of npm's configuration.
    ///
    /// # Errors
    /// Certificates are configured and cannot be read.
    pub fn new(npmrc: &Npmrc) -> Result<Self, String> {
        let registries = Registries::new(npmrc).map_err(|error| error.told())?;
        Ok(Self { registries, known: Mutex::default(), keys: Mutex::default() })
    }

    /// The document of keys that the registry of a package serves; `None` where it serves none.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn keys(&self, package: &str) -> Result<Option<Vec<u8>>, String> {
        let url = format!("{}-/npm/v1/keys", self.registry(package)?);
        match self.registries.fetch(&url, "application/json", KEYS) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(AskError::Status(404)) => Ok(None),
            Err(error) => Err(error.told()),
        }
    }

    /// The same, read, and asked for once.
    fn told_keys(&self, package: &str) -> ToldKeys {
        let registry = self.registry(package)?;
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let ask = || {
            let read = |bytes: Vec<u8>| keys::read(&bytes).map(Arc::new);
            self.keys(package)?.map(read).transpose()
        };
        all.entry(registry).or_insert_with(ask).clone()
    }

    fn registry(&self, package: &str) -> Result<String, String> {
        self.registries.of(package).map_err(|error| error.told())
    }

    fn versions(&self, name: &str) -> Answer {
        let place = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(name.to_owned()).or_default())
        };
        let mut answer = place.lock().unwrap_or_else(PoisonError::into_inner);
        answer.get_or_insert_with(|| self.ask(name).map(Arc::new)).clone()
    }

    fn ask(&self, name: &str) -> Result<Versions, String> {
        if !is_name(name) {
            return Err("its name is none that a registry knows".to_owned());
        }
        let url = format!("{}{}", self.registry(name)?, name.replace('/', "%2f"));
        let bytes = self.registries.fetch(&url, "application/json", DOCUMENT);
        let bytes = bytes.map_err(|error| error.told())?;
        let document: Document = serde_json::from_slice(&bytes)
            .map_err(|error| format!("the registry's answer is not understood: {error}"))?;
        if document.name != name {
            return Err("the registry speaks of another package".to_owned());
        }
        let times = document.time;
        let known = |(version, manifest): (String, Manifest)| {
            let published = times.get(&version).and_then(|moment| moment.0);
            let Dist { signatures, attestations } = manifest.dist;
            let attested = attestations.is_some();
            (version, Known { published, signatures, attested })
        };
        Ok(document.versions.into_iter().map(known).collect())
    }
}

impl Source for Remote {
    fn told(&self, name: &str, version: &str) -> Result<Told, String> {
        let versions = self.versions(name)?;
        let known = versions.get(version).ok_or("the registry does not have this version")?;
        let keys = self.told_keys(name).map_err(|why| format!("the registry's keys: {why}"))?;
        // Who has keys signs everything: what has no signature there is missing one.
        let signatures = known.signatures.clone().or_else(|| keys.as_ref().map(|_| Vec::new()));
        let attestations = if known.attested {
            let escaped = name.replace('/', "%2f");
            let number = version.replace('+', "%2b");
            let url = format!("{}-/npm/v1/attestations/{escaped}@{number}", self.registry(name)?);
            let bytes = self.registries.fetch(&url, "application/json", ATTESTATIONS);
            let bytes = bytes.map_err(|error| format!("its attestations: {}", error.told()))?;
            let all = bundle::read(&bytes)?;
            if all.is_empty() {
                return Err("the registry speaks of attestations and serves none".to_owned());
            }
            Some(all)
        } else {
            // Of a registry that passes signatures on it is known that there are none.
            signatures.is_some().then(Vec::new)
        };
        Ok(Told {
            name: name.to_owned(),
            version: version.to_owned(),
            published: known.published,
            signatures,
            attestations,
            keys: keys.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_moment_is_passed_over_and_the_rest_is_read() {
        let text = r#"{"name":"a","versions":{"1.0.0":{"dist":{"attestations":[[{}]]}},
            "2.0.0":{"dist":{"attestations":null}}},"time":{"1.0.0":"2026-01-01T00:00:00Z",
            "a":[[1]],"b":{"c":"2026-01-01T00:00:00Z"},"d":null,"e":1,"f":-1,"g":1.5,"h":true,"i":""}}"#;
        let document: Document = serde_json::from_str(text).unwrap();
        let moments: Vec<Option<i64>> = document.time.values().map(|moment| moment.0).collect();
        assert_eq!(moments[0], time::read("2026-01-01T00:00:00Z"));
        assert!(moments[0].is_some() && moments[1..].iter().all(Option::is_none));
        let told: Vec<bool> =
            document.versions.values().map(|one| one.dist.attestations.is_some()).collect();
        assert_eq!(told, [true, false]);
    }
}
