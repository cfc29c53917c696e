//! What an attestation says: in-toto statements (0.1 and 1) with the provenance of SLSA (0.2 and 1) or
//! npm's word that it published something.
//!
//! Everything here is what somebody claims. It counts for what the signature and the certificate
//! around it bear out, and for nothing else.

use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write as _;

/// Most subjects of one statement.
const SUBJECTS: usize = 1024;

/// What kind of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// npm's publish attestation.
    Publish,
    /// SLSA provenance 0.2.
    Slsa02,
    /// SLSA provenance 1.
    Slsa1,
    /// Something else.
    Other,
}

impl Kind {
    pub(super) fn of(predicate: &str) -> Self {
        match predicate {
            "https://github.com/npm/attestation/tree/main/specs/publish/v0.1" => Self::Publish,
            "https://slsa.dev/provenance/v0.2" => Self::Slsa02,
            // Version 1.1 kept the address.
            "https://slsa.dev/provenance/v1" => Self::Slsa1,
            _ => Self::Other,
        }
    }
}

/// A statement.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statement {
    #[serde(rename = "_type")]
    type_: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Debug, Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    digest: Digest,
}

#[derive(Debug, Deserialize)]
struct Digest {
    sha512: Option<String>,
}

/// What provenance claims of a build; what it does not say is absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claimed {
    /// Address of the repository.
    pub(super) repository: Option<String>,
    /// Address of the repository that the commit is said to be of, where that is told apart.
    pub(super) source: Option<String>,
    /// Branch or tag, `refs/...`.
    pub(super) reference: Option<String>,
    pub(super) commit: Option<String>,
    /// The file that says how to build, or the job.
    pub(super) workflow: Option<String>,
    pub(super) builder: Option<String>,
    /// The run, where it is an address.
    pub(super) invocation: Option<String>,
}

impl Statement {
    /// # Errors
    /// Why it is none.
    pub(super) fn read(payload: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(payload)
            .map_err(|error| format!("what is signed is no statement: {error}"))?;
        let known = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];
        if !known.contains(&read.type_.as_str()) {
            return Err("what is signed is no statement of in-toto 0.1 or 1".to_owned());
        }
        if read.subject.is_empty() || read.subject.len() > SUBJECTS {
            return Err(format!("it is about nothing, or about more than {SUBJECTS} things"));
        }
        Ok(read)
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::of(&self.predicate_type)
    }

    /// Whether it is about this package and this tarball.
    ///
    /// # Errors
    /// What it is about instead.
    pub(super) fn is_about(&self, name: &str, version: &str, sha512: &[u8]) -> Result<(), String> {
        let hash = sha512.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let named = |subject: &&Subject| {
            package(&subject.name).is_some_and(|(n, v)| n == name && v == version)
        };
        let mut ours = self.subject.iter().filter(named).peekable();
        if ours.peek().is_none() {
            let other = &self.subject[0].name;
            return Err(format!("it is about another package: {}", shown(other)));
        }
        let is_tarball = |subject: &Subject| {
            subject.digest.sha512.as_ref().is_some_and(|told| told.eq_ignore_ascii_case(&hash))
        };
        if ours.any(is_tarball) {
            Ok(())
        } else {
            Err("it is about another tarball than the lockfile's hash".to_owned())
        }
    }

    /// Name and version of a publish attestation.
    pub(super) fn published(&self) -> Option<(&str, &str)> {
        let text = |key: &str| self.predicate.get(key).and_then(Value::as_str);
        Some((text("name")?, text("version")?))
    }

    /// What provenance says of a build.
    pub(super) fn claimed(&self) -> Claimed {
        let text = |pointer: &str| {
            let found = self.predicate.pointer(pointer).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let invocation = |pointer: &str| text(pointer).filter(|text| text.starts_with("https://"));
        if self.kind() == Kind::Slsa02 {
            let uri = text("/invocation/configSource/uri");
            let (repository, reference) = uri.as_deref().map(parted).unwrap_or_default();
            return Claimed {
                repository,
                reference,
                commit: text("/invocation/configSource/digest/sha1"),
                workflow: text("/invocation/configSource/entryPoint"),
                builder: text("/builder/id"),
                invocation: invocation("/metadata/buildInvocationId"),
                source: None,
            };
        }
        let workflow = "/buildDefinition/externalParameters/workflow";
        let source = self.predicate.pointer("/buildDefinition/resolvedDependencies/0");
        let source =
            |pointer: &str| source.and_then(|one| one.pointer(pointer)).and_then(Value::as_str);
        let (dependency, at) = source("/uri").map(parted).unwrap_or_default();
        Claimed {
            repository: text(&format!("{workflow}/repository")).or_else(|| dependency.clone()),
            source: dependency,
            reference: text(&format!("{workflow}/ref")).or(at),
            commit: source("/digest/gitCommit")
                .or_else(|| source("/digest/sha1"))
                .map(str::to_owned),
            workflow: text(&format!("{workflow}/path")),
            builder: text("/runDetails/builder/id"),
            invocation: invocation("/runDetails/metadata/invocationId"),
        }
    }
}

/// `git+https://host/owner/name@refs/heads/main` as repository and reference.
fn parted(uri: &str) -> (Option<String>, Option<String>) {
    let address = uri.strip_prefix("git+").unwrap_or(uri);
    let (repository, reference) = match address.rsplit_once('@') {
        Some((repository, reference)) if reference.starts_with("refs/") => {
            (repository, Some(reference.to_owned()))
        }
        _ => (address, None),
    };
    (Some(repository.to_owned()), reference)
}

/// Name and version of a package URL (purl specification, type `npm`).
fn package(purl: &str) -> Option<(String, String)> {
    let rest = purl.strip_prefix("pkg:npm/")?;
    // What comes behind says where it is from, which is no part of the name.
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (name, version) = rest.rsplit_once('@')?;
    Some((decoded(name)?, decoded(version)?))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit =
                |byte: u8| char::from(byte).to_digit(16).and_then(|one| u8::try_from(one).ok());
            bytes.push(digit(rest.next()?)? << 4 | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn shown(text: &str) -> String {
    ringfence_policy::display::quoted(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_is_a_name_and_a_version() {
        let pair = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(package("pkg:npm/left-pad@1.3.0"), pair("left-pad", "1.3.0"));
        assert_eq!(package("pkg:npm/%40s/a@1.0.0-b%2Bc?x=y"), pair("@s/a", "1.0.0-b+c"));
        assert_eq!(package("pkg:npm/@s/a@1.0.0"), pair("@s/a", "1.0.0"));
        assert_eq!(package("pkg:pypi/a@1.0.0"), None);
        assert_eq!(package("pkg:npm/a"), None);
        assert_eq!(package("pkg:npm/%4@1"), None);
    }

    #[test]
    fn a_key_that_stands_twice_in_a_statement_is_refused() {
        let text = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{}}],
            "subject":[{"name":"b","digest":{}}],"predicateType":"p"}"#;
        assert!(Statement::read(text.as_bytes()).is_err());
        let once = text.replacen(r#""subject":[{"name":"b","digest":{}}],"#, "", 1);
        assert!(Statement::read(once.as_bytes()).is_ok());
    }
}
