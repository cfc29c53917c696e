//! What the configured registry says of signatures, attestations and keys.

use super::bundle::{self, LARGEST};
use super::keys::{self, Key};
use super::{Signature, Source, Told};
use crate::evidence::is_name;
use crate::evidence::lenient::{Lenient, Part};
use crate::http::{AskError, Bounds, Registries};
use crate::npmrc::Npmrc;
use ringfence_policy::time;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io::Read;
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
    /// The versions that are asked about, by name.
    wanted: HashMap<String, BTreeSet<String>>,
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

/// What is read of a document, as it comes: `wanted` of its versions.
struct Reading<'a> {
    wanted: &'a (dyn Fn(&str) -> bool + 'a),
}

#[derive(Default)]
struct Document {
    name: String,
    versions: Option<BTreeMap<String, Known>>,
    time: BTreeMap<String, i64>,
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

/// A moment; of anything else nothing is kept.
#[derive(Default)]
struct Moment(Option<i64>);

impl Part for Moment {
    fn text(text: &str) -> Self {
        Self(time::read(text))
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document about a name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        let mut seen: Vec<String> = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "name" => document.name = entries.next_value()?,
                "versions" => {
                    document.versions = Some(entries.next_value_seed(Entries {
                        wanted: self.wanted,
                        made: |manifest: Manifest| {
                            let Dist { signatures, attestations } = manifest.dist;
                            let attested = attestations.is_some();
                            Some(Known { published: None, signatures, attested })
                        },
                    })?);
                }
                "time" => {
                    document.time = entries.next_value_seed(Entries {
                        wanted: self.wanted,
                        made: |moment: Lenient<Moment>| moment.0.0,
                    })?;
                }
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                    continue;
                }
            }
            // Of two, others could take another one.
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
            seen.push(key);
        }
        Ok(document)
    }
}

/// An object of which the entries that are wanted are kept, as what is made of them.
struct Entries<'a, V, T> {
    wanted: &'a (dyn Fn(&str) -> bool + 'a),
    made: fn(V) -> Option<T>,
}

impl<'de, V: Deserialize<'de>, T> DeserializeSeed<'de> for Entries<'_, V, T> {
    type Value = BTreeMap<String, T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, V: Deserialize<'de>, T> Visitor<'de> for Entries<'_, V, T> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !(self.wanted)(&key) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let made = (self.made)(entries.next_value()?);
            if made.is_some_and(|made| all.insert(key, made).is_some()) {
                return Err(A::Error::custom("a version is there twice"));
            }
        }
        Ok(all)
    }
}

/// Reads a document of a name.
fn read(body: impl Read, name: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Versions, String> {
    let failed = |error| format!("the registry's answer is not understood: {error}");
    let mut json = serde_json::Deserializer::from_reader(body);
    let document = json.deserialize_map(Reading { wanted }).map_err(failed)?;
    json.end().map_err(failed)?;
    if document.name != name {
        return Err("the registry speaks of another package".to_owned());
    }
    let Some(mut versions) = document.versions else {
        return Err("the registry's answer is not understood: it names no versions".to_owned());
    };
    for (version, known) in &mut versions {
        known.published = document.time.get(version).copied();
    }
    Ok(versions)
}

impl Remote {
    /// The registry of npm's configuration, asked about these releases by name and version: what it says
    /// of others is not kept.
    ///
    /// # Errors
    /// Certificates are configured and cannot be read.
    pub fn new<'a>(
        npmrc: &Npmrc,
        wanted: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let registries = Registries::new(npmrc).map_err(|error| error.told())?;
        let mut names: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (name, version) in wanted {
            names.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
        Ok(Self { registries, wanted: names, known: Mutex::default(), keys: Mutex::default() })
    }

    /// Gives everything that is asked this much time together.
    #[must_use]
    pub fn with_time(self, altogether: Duration) -> Self {
        Self { registries: self.registries.with_time(altogether), ..self }
    }

    /// The scopes of what is asked about whose registry is another than that of names without a scope,
    /// each with a name of it; `@scope`, in order.
    #[must_use]
    pub fn scopes(&self) -> BTreeMap<&str, &str> {
        let usual = self.registries.of("").ok();
        let names = self.wanted.keys().filter(|name| is_name(name));
        let scoped = names.filter_map(|name| Some((name.split_once('/')?.0, name)));
        let other = scoped.filter(|(_, name)| self.registries.of(name).ok() != usual);
        other.map(|(scope, name)| (scope, name.as_str())).collect()
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
        let wanted = self.wanted.get(name);
        let is_wanted = |version: &str| wanted.is_some_and(|all| all.contains(version));
        let read = |body: &mut dyn Read| read(body, name, &is_wanted);
        let told = self.registries.read(&url, "application/json", DOCUMENT, read);
        told.map_err(|error| error.told())?
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

    const TEXT: &str = r#"{"name":"a","versions":{"1.0.0":{"dist":{"attestations":[[{}]]}},
        "2.0.0":{"dist":{"attestations":null,"signatures":[{"keyid":"k","sig":"s"}]}}},"time":{"1.0.0":
        "2026-01-01T00:00:00Z","2.0.0":[[1]],"b":{"c":"2026-01-01T00:00:00Z"},"d":null,"e":1,"f":-1,"g":1.5,
        "h":true,"i":""},"other":[{"versions":1}]}"#;

    #[test]
    fn what_is_no_moment_is_passed_over_and_the_rest_is_read() {
        let versions = read(TEXT.as_bytes(), "a", &|_| true).unwrap();
        let told: Vec<_> =
            versions.values().map(|one| (one.attested, one.published.is_some())).collect();
        assert_eq!(told, [(true, true), (false, false)]);
        assert_eq!(versions["1.0.0"].published, time::read("2026-01-01T00:00:00Z"));
        assert_eq!(versions["2.0.0"].signatures.as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn versions_that_nobody_asks_about_are_not_kept() {
        let versions = read(TEXT.as_bytes(), "a", &|version| version == "2.0.0").unwrap();
        assert_eq!(versions.keys().collect::<Vec<_>>(), ["2.0.0"]);
        // Of what is not kept nothing has to be as it should be.
        let text = r#"{"name":"a","versions":{"1.0.0":1,"2.0.0":{}}}"#;
        assert_eq!(read(text.as_bytes(), "a", &|version| version == "2.0.0").unwrap().len(), 1);
        for text in [
            r#"{"name":"b","versions":{}}"#,
            r#"{"name":"a"}"#,
            r#"{"name":"a","versions":{"2.0.0":1}}"#,
            r#"{"name":"a","versions":{"2.0.0":{},"2.0.0":{}}}"#,
            r#"{"name":"a","versions":{},"versions":{}}"#,
            r#"{"name":"a","versions":{}}}"#,
            r#"{"name":"a","versions":{}"#,
        ] {
            assert!(read(text.as_bytes(), "a", &|_| true).is_err(), "{text}");
        }
    }
}
