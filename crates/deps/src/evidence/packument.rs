//! What a registry says of a name: all its versions, as one document.

use super::RegistryFacts;
use ringfence_policy::time;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a registry says of a name; what it does not serve is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Packument {
    /// The name.
    pub name: String,
    /// Version by tag, such as `latest`.
    pub tags: BTreeMap<String, String>,
    /// The versions that are there.
    pub versions: BTreeMap<String, Version>,
    /// When each version was published, also of those that are gone; `None` where it is not served.
    pub published: Option<BTreeMap<String, u64>>,
    /// When the name was first published, in seconds since 1970.
    pub created: Option<u64>,
    /// Who may publish.
    pub maintainers: Option<Vec<String>>,
    /// `repository` of the name.
    pub repository: Option<String>,
}

/// What a registry says of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// Address of its tarball.
    pub tarball: Option<String>,
    /// Hashes of its tarball, as Subresource Integrity writes them.
    pub integrity: Option<String>,
    /// Bytes of its files.
    pub size: Option<u64>,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// Who published it.
    pub publisher: Option<String>,
    /// Whether it has a provenance attestation.
    pub provenance: bool,
    /// `repository` of its manifest.
    pub repository: Option<String>,
    /// Whether it runs something when it is installed, by its manifest; `None` where it is not served.
    pub install_script: Option<bool>,
    /// `license` of its manifest.
    pub licence: Option<String>,
    /// What it depends on.
    pub dependencies: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    #[serde(rename = "dist-tags", default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    versions: BTreeMap<String, Value>,
    time: Option<BTreeMap<String, Value>>,
    maintainers: Option<Value>,
    repository: Option<Value>,
}

impl Packument {
    /// Reads what a registry answered.
    ///
    /// # Errors
    /// It is no document about a name.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("not understood: {error}"))?;
        let moment = |value: &Value| {
            value.as_str().and_then(time::read).and_then(|seconds| u64::try_from(seconds).ok())
        };
        let created = document.time.as_ref().and_then(|all| all.get("created")).and_then(moment);
        let published = document.time.map(|all| {
            let versions =
                all.iter().filter(|(key, _)| !["created", "modified"].contains(&key.as_str()));
            versions.filter_map(|(key, value)| Some((key.clone(), moment(value)?))).collect()
        });
        let versions =
            document.versions.iter().map(|(number, one)| (number.clone(), version(one))).collect();
        Ok(Self {
            name: document.name,
            tags: document.tags,
            versions,
            published,
            created,
            maintainers: document.maintainers.as_ref().and_then(names),
            repository: document.repository.as_ref().and_then(address),
        })
    }

    /// What a review asks of a version.
    #[must_use]
    pub fn facts(&self, number: &str) -> RegistryFacts {
        let Some(version) = self.versions.get(number) else {
            return RegistryFacts {
                is_there: Some(false),
                first_published: self.first_published(),
                maintainers: self.maintainers.clone(),
                ..RegistryFacts::default()
            };
        };
        RegistryFacts {
            published: self.published.as_ref().and_then(|all| all.get(number)).copied(),
            maintainers: self.maintainers.clone(),
            publisher: version.publisher.clone(),
            provenance: Some(version.provenance),
            deprecated: version.deprecated.clone(),
            repository: version.repository.clone().or_else(|| self.repository.clone()),
            is_there: Some(true),
            first_published: self.first_published(),
            install_script: version.install_script,
        }
    }

    fn first_published(&self) -> Option<u64> {
        let first = self.published.as_ref().and_then(|all| all.values().min().copied());
        [self.created, first].into_iter().flatten().min()
    }
}

fn version(value: &Value) -> Version {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let dist = value.get("dist");
    let dist = |key: &str| dist.and_then(|dist| dist.get(key));
    let sha1 = || {
        let hex = dist("shasum")?.as_str()?;
        let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes?);
        Some(format!("sha1-{encoded}"))
    };
    let scripts = value.get("scripts").and_then(Value::as_object);
    let runs = scripts.map(|all| {
        crate::tarball::INSTALL_SCRIPTS
            .iter()
            .any(|name| all.get(*name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
    });
    let told = value.get("hasInstallScript").and_then(Value::as_bool);
    let gyp = value.get("gypfile").and_then(Value::as_bool) == Some(true);
    let dependencies = value.get("dependencies").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    Version {
        tarball: text(dist("tarball")),
        integrity: text(dist("integrity")).or_else(sha1),
        size: dist("unpackedSize").and_then(Value::as_u64),
        deprecated: text(value.get("deprecated")).filter(|text| !text.is_empty()),
        publisher: text(value.get("_npmUser").and_then(|user| user.get("name"))),
        provenance: dist("attestations").is_some_and(|one| one.get("provenance").is_some()),
        repository: value.get("repository").and_then(address),
        install_script: if gyp { Some(true) } else { told.or(runs) },
        licence: value.get("license").and_then(crate::tarball::licence),
        dependencies: dependencies
            .map(|all| all.iter().filter_map(pair).collect())
            .unwrap_or_default(),
    }
}

/// The names of a list of people.
fn names(value: &Value) -> Option<Vec<String>> {
    let name = |one: &Value| {
        let name = one.get("name").or(Some(one)).and_then(Value::as_str);
        name.map(|name| name.split('<').next().unwrap_or(name).trim().to_owned())
    };
    Some(value.as_array()?.iter().filter_map(name).collect())
}

/// An address, or an object with one.
fn address(value: &Value) -> Option<String> {
    value.get("url").or(Some(value)).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_served_is_absent_and_not_false() {
        let full = br#"{"name": "a", "dist-tags": {"latest": "1.0.1"},
          "time": {"created": "2020-01-01T00:00:00.000Z", "1.0.0": "2020-01-01T00:00:00.000Z", "1.0.1": "2020-01-02T00:00:00.000Z"},
          "maintainers": [{"name": "m", "email": "x"}],
          "versions": {"1.0.1": {"scripts": {"postinstall": "x"}, "_npmUser": {"name": "p"}, "deprecated": "old",
            "repository": {"url": "git+https://code.example/a"}, "dist": {"shasum": "00ff", "attestations": {"provenance": {}}}}}}"#;
        let packument = Packument::read(full).unwrap();
        let facts = packument.facts("1.0.1");
        assert_eq!(facts.published, Some(1_577_923_200));
        assert_eq!(facts.first_published, Some(1_577_836_800));
        assert_eq!((facts.publisher.as_deref(), facts.provenance), (Some("p"), Some(true)));
        assert_eq!((facts.install_script, facts.is_there), (Some(true), Some(true)));
        assert_eq!(packument.versions["1.0.1"].integrity.as_deref(), Some("sha1-AP8="));
        assert_eq!(packument.facts("1.0.0").is_there, Some(false), "it is gone");

        let short = br#"{"name": "a", "versions": {"1.0.0": {"dist": {}}}}"#;
        let facts = Packument::read(short).unwrap().facts("1.0.0");
        assert_eq!((facts.published, facts.maintainers, facts.install_script), (None, None, None));
        assert_eq!(facts.provenance, Some(false));
        assert!(Packument::read(b"<html>").is_err());
    }
}
