//! The document of a name as it is read: as it comes, each version at once made into what is kept of it.

use super::Version;
use crate::evidence::lenient::{
    Address, Filled, IsObject, Lenient, Licence, Object, Part, People, Texts,
};
use ringfence_policy::time;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

/// Most versions of one name: some have tens of thousands.
const MOST: usize = 200_000;

/// Longest number of a version, in bytes: as long as npm takes.
const LONGEST: usize = 256;

/// What is kept of a document.
#[derive(Default)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) versions: Option<Versions>,
    pub(super) time: Option<Times>,
    pub(super) maintainers: Option<Vec<String>>,
    pub(super) repository: Option<String>,
}

/// The versions that are wanted.
#[derive(Default)]
pub(super) struct Versions {
    pub(super) versions: BTreeMap<String, Version>,
    /// Whether the registry passes signatures or attestations on, of any version.
    pub(super) served: bool,
}

/// When each version was published.
#[derive(Default)]
pub(super) struct Times {
    pub(super) published: BTreeMap<String, u64>,
    pub(super) created: Option<u64>,
    /// Whether the name was taken away.
    pub(super) unpublished: bool,
}

/// Reads a document.
///
/// # Errors
/// It is none: lower case, no period.
pub(super) fn read(reader: impl Read, wanted: &dyn Fn(&str) -> bool) -> Result<Document, String> {
    let failed = |error: serde_json::Error| format!("not understood: {error}");
    let mut json = serde_json::Deserializer::from_reader(reader);
    let document = Wanted(wanted).deserialize(&mut json).map_err(failed)?;
    json.end().map_err(failed)?;
    Ok(document)
}

/// Which versions are kept.
struct Wanted<'a>(&'a dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document about a name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut seen: Vec<String> = Vec::new();
        let mut document = Document::default();
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "name" => document.name = entries.next_value()?,
                "dist-tags" => {
                    let tags: Lenient<Texts> = entries.next_value()?;
                    document.tags = tags.0.0.into_iter().collect();
                }
                "versions" => {
                    document.versions = entries.next_value_seed(WantedVersions(self.0))?;
                }
                "time" => document.time = entries.next_value::<Lenient<ReadTimes>>()?.0.0,
                "maintainers" => {
                    document.maintainers = entries.next_value::<Lenient<People>>()?.0.0;
                }
                "repository" => {
                    document.repository = entries.next_value::<Lenient<Address>>()?.0.0;
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
        if document.name.is_empty() {
            return Err(A::Error::missing_field("name"));
        }
        Ok(document)
    }
}

/// Reads `versions`.
struct WantedVersions<'a>(&'a dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for WantedVersions<'_> {
    type Value = Option<Versions>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for WantedVersions<'_> {
    type Value = Option<Versions>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("versions")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut all = Versions::default();
        let mut count = 0;
        while let Some(number) = entries.next_key::<String>()? {
            count += 1;
            check::<A::Error>(&number, count)?;
            if (self.0)(&number) {
                let version = version(entries.next_value::<Manifest>()?);
                all.served |= version.provenance.is_some();
                if all.versions.insert(number, version).is_some() {
                    return Err(A::Error::custom("a version is there twice"));
                }
            } else {
                let outline = entries.next_value::<Outline>()?;
                let (attested, signed) = outline.dist.0.0.map_or((false, false), |dist| {
                    (dist.attestations.0.is_provenance(), dist.signatures.is_some())
                });
                all.served |= attested || signed;
            }
        }
        Ok(Some(all))
    }
}

/// That nobody fills the memory with numbers.
fn check<E: Error>(number: &str, count: usize) -> Result<(), E> {
    if number.len() > LONGEST {
        return Err(E::custom(format_args!("a version of more than {LONGEST} bytes")));
    }
    if count > MOST {
        return Err(E::custom(format_args!("more than {MOST} versions")));
    }
    Ok(())
}

/// `time`; nothing where it is no object.
#[derive(Default)]
struct ReadTimes(Option<Times>);

impl Part for ReadTimes {
    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        let mut times = Times::default();
        let mut count = 0;
        while let Some((key, moment)) = entries.next_entry::<String, Lenient<Moment>>()? {
            count += 1;
            check::<A::Error>(&key, count)?;
            match key.as_str() {
                "created" => times.created = moment.0.0,
                "modified" => {}
                "unpublished" => times.unpublished = true,
                _ => {
                    times.published.extend(moment.0.0.map(|moment| (key, moment)));
                }
            }
        }
        Ok(Self(Some(times)))
    }
}

/// A moment, in seconds since 1970. Some mirrors write the offset of UTC as a number.
#[derive(Default)]
struct Moment(Option<u64>);

impl Part for Moment {
    fn text(text: &str) -> Self {
        let zoned = text.strip_suffix("+00:00").map(|text| format!("{text}Z"));
        let seconds = time::read(zoned.as_deref().unwrap_or(text));
        Self(seconds.and_then(|seconds| u64::try_from(seconds).ok()))
    }
}

/// The part of a version that is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    dist: Lenient<Object<Dist>>,
    #[serde(default)]
    deprecated: Lenient<Option<String>>,
    #[serde(rename = "_npmUser", default)]
    npm_user: Lenient<Object<User>>,
    #[serde(default)]
    maintainers: Lenient<People>,
    #[serde(default)]
    repository: Lenient<Address>,
    #[serde(default)]
    scripts: Lenient<Object<Scripts>>,
    #[serde(default)]
    has_install_script: Lenient<Option<bool>>,
    #[serde(default)]
    gypfile: Lenient<Option<bool>>,
    #[serde(default)]
    license: Lenient<Licence>,
    #[serde(default)]
    dependencies: Lenient<Texts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dist {
    #[serde(default)]
    tarball: Lenient<Option<String>>,
    #[serde(default)]
    integrity: Lenient<Option<String>>,
    #[serde(default)]
    shasum: Lenient<Option<String>>,
    #[serde(default)]
    unpacked_size: Lenient<Option<u64>>,
    #[serde(default)]
    attestations: Lenient<Object<Attested>>,
    signatures: Option<IgnoredAny>,
}

/// What is said of a version that is not wanted.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    dist: Lenient<Object<OutlineDist>>,
}

#[derive(Deserialize)]
struct OutlineDist {
    #[serde(default)]
    attestations: Lenient<Object<Attested>>,
    signatures: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Attested {
    provenance: Option<IgnoredAny>,
}

impl Object<Attested> {
    fn is_provenance(&self) -> bool {
        self.0.as_ref().is_some_and(|one| one.provenance.is_some())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    name: Lenient<Option<String>>,
    #[serde(default)]
    trusted_publisher: Lenient<IsObject>,
}

/// Those of [`crate::tarball::INSTALL_SCRIPTS`].
#[derive(Deserialize)]
struct Scripts {
    #[serde(default)]
    preinstall: Lenient<Filled>,
    #[serde(default)]
    install: Lenient<Filled>,
    #[serde(default)]
    postinstall: Lenient<Filled>,
}

fn version(manifest: Manifest) -> Version {
    let scripts = manifest.scripts.0.0;
    let runs =
        scripts.map(|all| [all.preinstall, all.install, all.postinstall].iter().any(|one| one.0.0));
    let told = manifest.has_install_script.0;
    let gyp = manifest.gypfile.0 == Some(true);
    let user = manifest.npm_user.0.0;
    let dist = manifest.dist.0.0;
    let attested = dist.as_ref().is_some_and(|dist| dist.attestations.0.is_provenance());
    // Who passes signatures on passes attestations on too.
    let served = attested || dist.as_ref().is_some_and(|dist| dist.signatures.is_some());
    let (tarball, integrity, size) = dist.map_or((None, None, None), |dist| {
        let Dist { tarball, integrity, shasum, unpacked_size, .. } = dist;
        let integrity = integrity.0.or_else(|| sha1(shasum.0.as_deref()?));
        (tarball.0, integrity, unpacked_size.0)
    });
    Version {
        tarball,
        integrity,
        size,
        deprecated: manifest.deprecated.0.filter(|text| !text.is_empty()),
        by_workflow: user.as_ref().is_some_and(|user| user.trusted_publisher.0.0),
        publisher: user.and_then(|user| user.name.0),
        maintainers: manifest.maintainers.0.0,
        provenance: served.then_some(attested),
        repository: manifest.repository.0.0,
        install_script: if gyp { Some(true) } else { told.or(runs) },
        licence: manifest.license.0.0,
        dependencies: manifest.dependencies.0.0,
    }
}

/// A SHA-1 in hexadecimal digits, as Subresource Integrity writes it.
fn sha1(hex: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes?);
    Some(format!("sha1-{encoded}"))
}
