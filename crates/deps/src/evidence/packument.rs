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
    /// Whether a workflow published it that the maintainers named to the registry (trusted publishing).
    pub by_workflow: bool,
    /// Who could publish when it was published.
    pub maintainers: Option<Vec<String>>,
    /// Whether it has a provenance attestation; `None` where the registry serves none of any version.
    pub provenance: Option<bool>,
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
    versions: Option<BTreeMap<String, Manifest>>,
    time: Option<BTreeMap<String, Value>>,
    maintainers: Option<Value>,
    repository: Option<Value>,
}

/// The part of a version that is used: documents of megabytes are mostly something else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    dist: Option<Value>,
    deprecated: Option<Value>,
    #[serde(rename = "_npmUser")]
    npm_user: Option<Value>,
    maintainers: Option<Value>,
    repository: Option<Value>,
    scripts: Option<Value>,
    has_install_script: Option<Value>,
    gypfile: Option<Value>,
    license: Option<Value>,
    dependencies: Option<Value>,
}

impl Packument {
    /// Reads what a registry answered.
    ///
    /// # Errors
    /// It is no document about a name, or one without versions that does not say they were taken away.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("not understood: {error}"))?;
        let taken_away = document.time.as_ref().is_some_and(|all| all.contains_key("unpublished"));
        if document.versions.is_none() && !taken_away {
            return Err("not understood: it names no versions".to_owned());
        }
        let created = document.time.as_ref().and_then(|all| all.get("created")).and_then(moment);
        let published = document.time.map(|all| {
            let versions =
                all.iter().filter(|(key, _)| !["created", "modified"].contains(&key.as_str()));
            versions.filter_map(|(key, value)| Some((key.clone(), moment(value)?))).collect()
        });
        let manifests = document.versions.unwrap_or_default();
        let mut versions: BTreeMap<String, Version> =
            manifests.iter().map(|(number, one)| (number.clone(), version(one))).collect();
        // Some registries leave attestations out: of these nothing is known, and not that there is none.
        let served = versions.values().any(|one| one.provenance.is_some());
        for one in versions.values_mut().filter(|_| served) {
            one.provenance.get_or_insert(false);
        }
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
        let facts = RegistryFacts {
            published: self.published.as_ref().and_then(|all| all.get(number)).copied(),
            maintainers: self.maintainers.clone(),
            first_published: self.first_published(),
            is_there: Some(false),
            ..RegistryFacts::default()
        };
        let Some(version) = self.versions.get(number) else { return facts };
        RegistryFacts {
            maintainers: version.maintainers.clone().or(facts.maintainers),
            publisher: version.publisher.clone(),
            by_workflow: version.by_workflow,
            provenance: version.provenance,
            deprecated: version.deprecated.clone(),
            repository: version.repository.clone().or_else(|| self.repository.clone()),
            is_there: Some(true),
            install_script: version.install_script,
            ..facts
        }
    }

    /// When the name was there first. Mirrors that do not say when it was created have the moments at
    /// which they fetched its versions, of which the first says nothing.
    fn first_published(&self) -> Option<u64> {
        let first = self.published.as_ref().and_then(|all| all.values().min().copied());
        self.created.map(|created| first.map_or(created, |first| first.min(created)))
    }
}

/// A moment, in seconds since 1970. Some mirrors write the offset of UTC as a number.
fn moment(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    let zoned = text.strip_suffix("+00:00").map(|text| format!("{text}Z"));
    u64::try_from(time::read(zoned.as_deref().unwrap_or(text))?).ok()
}

fn version(manifest: &Manifest) -> Version {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let dist = |key: &str| manifest.dist.as_ref().and_then(|dist| dist.get(key));
    let scripts = manifest.scripts.as_ref().and_then(Value::as_object);
    let runs = scripts.map(|all| {
        crate::tarball::INSTALL_SCRIPTS
            .iter()
            .any(|name| all.get(*name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
    });
    let told = manifest.has_install_script.as_ref().and_then(Value::as_bool);
    let gyp = manifest.gypfile.as_ref().and_then(Value::as_bool) == Some(true);
    let dependencies = manifest.dependencies.as_ref().and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    let user = |key: &str| manifest.npm_user.as_ref().and_then(|user| user.get(key));
    let attested = dist("attestations").is_some_and(|one| one.get("provenance").is_some());
    // Who passes signatures on passes attestations on too.
    let served = attested || dist("signatures").is_some();
    Version {
        tarball: text(dist("tarball")),
        integrity: text(dist("integrity")).or_else(|| sha1(dist("shasum")?.as_str()?)),
        size: dist("unpackedSize").and_then(Value::as_u64),
        deprecated: text(manifest.deprecated.as_ref()).filter(|text| !text.is_empty()),
        publisher: text(user("name")),
        by_workflow: user("trustedPublisher").is_some_and(Value::is_object),
        maintainers: manifest.maintainers.as_ref().and_then(names),
        provenance: served.then_some(attested),
        repository: manifest.repository.as_ref().and_then(address),
        install_script: if gyp { Some(true) } else { told.or(runs) },
        licence: manifest.license.as_ref().and_then(crate::tarball::licence),
        dependencies: dependencies
            .map(|all| all.iter().filter_map(pair).collect())
            .unwrap_or_default(),
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
        assert_eq!(facts.provenance, None, "no version has any: it may not be served");
        assert!(Packument::read(b"<html>").is_err());
        assert!(Packument::read(br#"{"name": "a"}"#).is_err(), "no versions are no answer");
        let gone = br#"{"name": "a", "time": {"unpublished": {"time": "2026-01-01T00:00:00Z"}}}"#;
        assert_eq!(Packument::read(gone).unwrap().facts("1.0.0").is_there, Some(false));
    }

    #[test]
    fn provenance_is_missed_only_where_the_registry_serves_it() {
        let of = |dist: &str| {
            let text = format!(
                r#"{{"name": "a", "versions": {{"1.0.0": {{"dist": {{"attestations": {{"provenance": {{}}}}}}}}, "1.0.1": {{"dist": {dist}}}}}}}"#
            );
            Packument::read(text.as_bytes()).unwrap().facts("1.0.1").provenance
        };
        assert_eq!(of("{}"), Some(false), "another version has it");
        let signed = br#"{"name": "a", "versions": {"1.0.0": {"dist": {"signatures": []}}}}"#;
        let facts = Packument::read(signed).unwrap().facts("1.0.0");
        assert_eq!(facts.provenance, Some(false), "who serves signatures serves attestations");
    }

    #[test]
    fn who_could_publish_is_told_of_each_version() {
        let text = br#"{"name": "a", "maintainers": [{"name": "eve"}], "versions": {
          "1.0.0": {"maintainers": [{"name": "ann"}], "_npmUser": {"name": "ann"}},
          "1.0.1": {"_npmUser": {"name": "GitHub Actions", "trustedPublisher": {"id": "github"}}}}}"#;
        let packument = Packument::read(text).unwrap();
        assert_eq!(packument.facts("1.0.0").maintainers, Some(vec!["ann".to_owned()]));
        let later = packument.facts("1.0.1");
        assert_eq!((later.maintainers, later.by_workflow), (Some(vec!["eve".to_owned()]), true));
    }

    #[test]
    fn a_mirror_that_tells_when_it_fetched_does_not_say_when_a_name_was_new() {
        let text = br#"{"name": "a", "versions": {}, "time": {"1.0.0": "2026-01-01T00:00:00.148000+00:00"}}"#;
        let facts = Packument::read(text).unwrap().facts("1.0.0");
        assert_eq!((facts.first_published, facts.published), (None, Some(1_767_225_600)));
    }
}
