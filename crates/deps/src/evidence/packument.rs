//! What a registry says of a name: all its versions, as one document.

mod document;

use super::RegistryFacts;
use std::collections::BTreeMap;
use std::io::Read;

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

impl Packument {
    /// Reads what a registry answered.
    ///
    /// # Errors
    /// As [`Self::from_reader`].
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::from_reader(bytes, &|_| true)
    }

    /// Reads what a registry answers as it comes, and keeps the versions that are `wanted`: documents
    /// of megabytes are mostly something else.
    ///
    /// # Errors
    /// It is no document about a name, one without versions that does not say they were taken away, or
    /// one with more of them than anybody published.
    pub fn from_reader(reader: impl Read, wanted: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let document = document::read(reader, wanted)?;
        let times = document.time;
        let taken_away = times.as_ref().is_some_and(|all| all.unpublished);
        if document.versions.is_none() && !taken_away {
            return Err("not understood: it names no versions".to_owned());
        }
        let created = times.as_ref().and_then(|all| all.created);
        let published = times.map(|all| all.published);
        let document::Versions { mut versions, served } = document.versions.unwrap_or_default();
        // Some registries leave attestations out: of these nothing is known, and not that there is none.
        for one in versions.values_mut().filter(|_| served) {
            one.provenance.get_or_insert(false);
        }
        Ok(Self {
            name: document.name,
            tags: document.tags,
            versions,
            published,
            created,
            maintainers: document.maintainers,
            repository: document.repository,
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
    fn what_is_not_wanted_is_not_kept_and_still_tells_what_the_registry_serves() {
        let text = br#"{"name": "a", "versions": {"1.0.0": {"dist": {"attestations": {"provenance": {}}}},
          "1.0.1": {"dist": {"integrity": "sha512-x"}}, "1.0.2": {"dist": "x"}}, "time": {"1.0.0": "2020-01-01T00:00:00Z",
          "1.0.1": "2020-01-02T00:00:00Z"}}"#;
        let read =
            |wanted: &dyn Fn(&str) -> bool| Packument::from_reader(&text[..], wanted).unwrap();
        let one = read(&|version| version == "1.0.1");
        assert_eq!(one.versions.keys().collect::<Vec<_>>(), ["1.0.1"]);
        assert_eq!(one.facts("1.0.1"), read(&|_| true).facts("1.0.1"));
        assert_eq!(one.facts("1.0.1").provenance, Some(false), "another version has it");
        assert_eq!(one.facts("1.0.1").published, Some(1_577_923_200));
    }

    #[test]
    fn a_document_that_says_something_twice_or_without_end_is_no_answer() {
        for text in [
            r#"{"name": "a", "name": "b", "versions": {}}"#,
            r#"{"name": "a", "versions": {}, "versions": {}}"#,
            r#"{"name": "a", "versions": {"1.0.0": {}, "1.0.0": {}}}"#,
            r#"{"name": "a", "versions": {"1.0.0": 1}}"#,
            r#"{"name": "a", "versions": {}} x"#,
            r#"{"name": "a", "versions": {"#,
            r#"{"versions": {}}"#,
            "[]",
        ] {
            assert!(Packument::read(text.as_bytes()).is_err(), "{text}");
        }
        let long = format!(r#"{{"name": "a", "versions": {{"{}": {{}}}}}}"#, "1".repeat(257));
        assert!(Packument::read(long.as_bytes()).unwrap_err().contains("256 bytes"));
        let mut many = String::from(r#"{"name": "a", "versions": {"#);
        for at in 0..=200_000 {
            many.extend(["\"", &at.to_string(), "\":{},"]);
        }
        many.push_str(r#""x": {}}}"#);
        assert!(Packument::read(many.as_bytes()).unwrap_err().contains("200000 versions"));
    }

    #[test]
    fn a_script_of_any_length_is_one() {
        let script = "x".repeat(1 << 20);
        let text = format!(
            r#"{{"name": "a", "versions": {{"1.0.0": {{"scripts": {{"test": "x", "postinstall": "{script}"}}}},
            "1.0.1": {{"scripts": {{"test": "x"}}}}, "1.0.2": {{"gypfile": true}}, "1.0.3": {{"scripts": 1}}}}}}"#
        );
        let packument = Packument::read(text.as_bytes()).unwrap();
        let runs = |version| packument.facts(version).install_script;
        assert_eq!(runs("1.0.0"), Some(true));
        assert_eq!((runs("1.0.1"), runs("1.0.2"), runs("1.0.3")), (Some(false), Some(true), None));
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
