//! Where something was built, by the certificate that signed it, and whether what the provenance claims is
//! the same.
//!
//! Fulcio writes into a certificate what the identity token of a build said (extensions below
//! 1.3.6.1.4.1.57264.1): that is borne out by an authority. The predicate is what the build wrote by
//! itself. Where both speak of the same thing they must agree.

use super::statement::Claimed;
use ringfence_policy::display::quoted;
use serde::Serialize;
use sigstore_verify::crypto::CertificateInfo;

/// Who gives builds of GitHub their identity, and where its repositories are.
const GITHUB: (&str, &str) = ("https://token.actions.githubusercontent.com", "https://github.com/");

/// The same of `GitLab`.
const GITLAB: (&str, &str) = ("https://gitlab.com", "https://gitlab.com/");

/// Where something was built, as the certificate has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Origin {
    /// Who vouches for the identity of the build.
    pub issuer: String,
    /// Address of the repository.
    pub repository: String,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Branch or tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The file that says how to build, with its repository and reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// `github-hosted`, `self-hosted` or another kind of machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The builder by its provenance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// Address of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// When it was signed by its log or a timestamp, in seconds since 1970.
    pub signed: i64,
    /// Who signed: the identity that the certificate was given to.
    pub identity: String,
}

impl Origin {
    /// The workflow without its reference, which differs from release to release.
    fn workflow_file(&self) -> Option<&str> {
        self.workflow.as_deref().map(|all| all.rsplit_once('@').map_or(all, |(file, _)| file))
    }

    /// What is another than before, each as `repository: A, was B`. Commits, references and runs differ
    /// from release to release.
    #[must_use]
    pub fn changed(&self, before: &Self) -> Vec<String> {
        let mut changed = Vec::new();
        let mut compare = |what: &str, now: Option<&str>, was: Option<&str>| {
            if now != was {
                let word = |one: Option<&str>| {
                    one.map_or("none".to_owned(), |one| quoted(one).to_string())
                };
                changed.push(format!("{what}: {}, was {}", word(now), word(was)));
            }
        };
        compare("issuer", Some(&self.issuer), Some(&before.issuer));
        let small = |text: &str| text.to_ascii_lowercase();
        let (now, was) = (small(&self.repository), small(&before.repository));
        compare("repository", Some(&now), Some(&was));
        compare("workflow", self.workflow_file(), before.workflow_file());
        // Certificates from before 2023 do not say it.
        if self.runner.is_some() && before.runner.is_some() {
            compare("runner", self.runner.as_deref(), before.runner.as_deref());
        }
        changed
    }
}

/// What a certificate says of a build.
///
/// # Errors
/// Why it is of no build.
pub(super) fn of_certificate(info: &CertificateInfo, signed: i64) -> Result<Origin, String> {
    let (claims, old) = (&info.ci_claims, &info.ci_claims.deprecated_github);
    let issuer = info.issuer.clone().ok_or("the certificate does not say who vouches for it")?;
    let identity = info.identity.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_github = issuer == GITHUB.0;
    let short = old.workflow_repository.as_ref().filter(|_| is_github);
    let repository = claims
        .source_repository_uri
        .clone()
        .or_else(|| short.map(|name| format!("{}{name}", GITHUB.1)))
        .ok_or_else(|| {
            format!("it was signed by {} and not by a build of a repository", quoted(&identity))
        })?;
    let host = host(&repository)
        .ok_or_else(|| format!("{} is no address of a repository", quoted(&repository)))?;
    for (known, place) in [GITHUB, GITLAB] {
        if (self::host(place).as_ref() == Some(&host)) != (issuer == known) {
            let who = quoted(&issuer).to_string();
            return Err(format!("{who} does not vouch for builds of {}", quoted(&repository)));
        }
    }
    let own = identity.starts_with(&format!("{repository}/"));
    Ok(Origin {
        workflow: claims.build_config_uri.clone().or_else(|| own.then(|| identity.clone())),
        commit: claims.source_repository_digest.clone().or_else(|| old.workflow_sha.clone()),
        reference: claims.source_repository_ref.clone().or_else(|| old.workflow_ref.clone()),
        runner: claims.runner_environment.clone(),
        run: claims.run_invocation_uri.clone(),
        builder: None,
        issuer,
        repository,
        signed,
        identity,
    })
}

/// The host of the address of a repository, however it is written; nothing where it is no plain one.
fn host(address: &str) -> Option<String> {
    let address = address.to_ascii_lowercase();
    let (host, path) = address.strip_prefix("https://")?.split_once('/')?;
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let fits = !host.is_empty()
        && !host.ends_with('.')
        && host.bytes().all(is_plain)
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && !path.starts_with('/');
    fits.then(|| host.strip_prefix("www.").unwrap_or(host).to_owned())
}

/// What the provenance claims against what the certificate bears out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Agreement {
    /// What can be compared is the same.
    Same,
    /// It is not: why.
    Different(String),
    /// Something cannot be compared: why.
    Incomparable(String),
}

/// Compares the two.
pub(super) fn agree(origin: &Origin, claimed: &Claimed, signer: Option<&str>) -> Agreement {
    let different = |what: &str, told: &str, borne: &str| {
        let (told, borne) = (quoted(told).to_string(), quoted(borne).to_string());
        Agreement::Different(format!(
            "it claims the {what} {told}, and its certificate says {borne}"
        ))
    };
    let Some(repository) = &claimed.repository else {
        return Agreement::Different("it names no repository".to_owned());
    };
    let plain = |url: &str| url.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
    for told in [repository].into_iter().chain(&claimed.source) {
        if plain(told) != plain(&origin.repository) {
            return different("repository", told, &origin.repository);
        }
    }
    let pairs = [
        ("commit", &claimed.commit, &origin.commit),
        ("reference", &claimed.reference, &origin.reference),
        ("run", &claimed.invocation, &origin.run),
    ];
    for (what, told, borne) in pairs {
        if let (Some(told), Some(borne)) = (told, borne)
            && told != borne
        {
            return different(what, told, borne);
        }
    }
    if claimed.commit.is_none() {
        return Agreement::Different("it names no commit".to_owned());
    }
    if let (Some(told), Some(borne)) = (&claimed.workflow, &origin.workflow)
        && !is_workflow(told, borne, &origin.repository)
    {
        return different("workflow", told, borne);
    }
    builder(origin, claimed, signer)
}

/// Whether `.github/workflows/x.yml` or `owner/name/.github/workflows/x.yml@ref` is the workflow of a
/// certificate, which has its whole address. Elsewhere a job is named, which no certificate has.
fn is_workflow(told: &str, borne: &str, repository: &str) -> bool {
    if !told.contains(".github/workflows/") {
        return !borne.contains("/.github/workflows/");
    }
    let file = borne.rsplit_once('@').map_or(borne, |(file, _)| file);
    let place = repository
        .find("://")
        .and_then(|at| repository[at + 3..].find('/').map(|end| at + 4 + end));
    let owner = place.and_then(|at| repository.get(at..)).unwrap_or(repository);
    if told.contains('@') {
        let ends = borne.strip_suffix(told).is_some_and(|front| front.ends_with('/'));
        return ends && told.starts_with(owner);
    }
    let told = told.strip_prefix(&format!("{owner}/")).unwrap_or(told);
    file.strip_prefix(repository) == Some(&format!("/{told}"))
}

/// The builder of the provenance against the machine and the signer of the certificate.
fn builder(origin: &Origin, claimed: &Claimed, signer: Option<&str>) -> Agreement {
    let Some(told) = &claimed.builder else {
        return Agreement::Different("it names no builder".to_owned());
    };
    let different = |borne: &str| {
        let (told, borne) = (quoted(told).to_string(), quoted(borne).to_string());
        Agreement::Different(format!(
            "it claims the builder {told}, and its certificate says {borne}"
        ))
    };
    let runner = told.strip_prefix("https://github.com/actions/runner");
    if let Some(kind) = runner.filter(|kind| kind.is_empty() || kind.starts_with('/')) {
        if origin.issuer != GITHUB.0 {
            return different(&origin.issuer);
        }
        let kind = kind.trim_start_matches('/');
        return match &origin.runner {
            Some(runner) if !kind.is_empty() && kind != runner => different(runner),
            _ => Agreement::Same,
        };
    }
    // A builder that is a workflow of its own signs with its own address.
    if told.contains("/.github/workflows/") {
        let borne = signer.unwrap_or(&origin.identity);
        return if told == borne || *told == origin.identity {
            Agreement::Same
        } else {
            different(borne)
        };
    }
    // A runner of a project
    if told.contains("/-/runners/") {
        let own = told.starts_with(&format!("{}/-/runners/", origin.repository));
        return if own { Agreement::Same } else { different(&origin.repository) };
    }
    Agreement::Incomparable(format!(
        "its builder {} is of a kind that no certificate names",
        quoted(told)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            issuer: GITHUB.0.into(),
            repository: "https://github.com/o/r".into(),
            commit: Some("c0ffee".into()),
            reference: Some("refs/heads/main".into()),
            workflow: Some("https://github.com/o/r/.github/workflows/x.yml@refs/heads/main".into()),
            runner: Some("github-hosted".into()),
            builder: None,
            run: None,
            signed: 0,
            identity: "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main".into(),
        }
    }

    fn claimed() -> Claimed {
        Claimed {
            repository: Some("https://github.com/o/r".into()),
            reference: Some("refs/heads/main".into()),
            commit: Some("c0ffee".into()),
            workflow: Some(".github/workflows/x.yml".into()),
            builder: Some("https://github.com/actions/runner/github-hosted".into()),
            invocation: None,
            source: None,
        }
    }

    #[test]
    fn a_host_is_the_same_however_it_is_written() {
        let known =
            ["https://github.com/o/r", "HTTPS://GitHub.com/o/r", "https://www.github.com/o/r"];
        for text in known.into_iter().chain(["https://github.com:443/o/r"]) {
            assert_eq!(host(text).as_deref(), Some("github.com"), "{text}");
        }
        assert_eq!(host("https://code.example:8443/o/r").as_deref(), Some("code.example"));
        for text in [
            "http://github.com/o/r",
            "https://a@github.com/o/r",
            "https://github.com./o/r",
            "https:///github.com/o/r",
            "https:\\\\github.com/o/r",
            "https://github.com\\@a/o/r",
            "git@github.com:o/r",
            "https://github.com",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
    }

    #[test]
    fn what_provenance_claims_must_be_what_the_certificate_says() {
        assert_eq!(agree(&origin(), &claimed(), None), Agreement::Same);
        let other = |change: fn(&mut Claimed)| {
            let mut claimed = claimed();
            change(&mut claimed);
            assert!(
                matches!(agree(&origin(), &claimed, None), Agreement::Different(_)),
                "{claimed:?}"
            );
        };
        other(|one| one.repository = Some("https://github.com/o/other".into()));
        other(|one| one.repository = None);
        other(|one| one.source = Some("https://github.com/o/other".into()));
        other(|one| one.commit = Some("bad".into()));
        other(|one| one.commit = None);
        other(|one| one.reference = Some("refs/heads/other".into()));
        other(|one| one.workflow = Some(".github/workflows/y.yml".into()));
        other(|one| one.workflow = Some("z/r/.github/workflows/x.yml".into()));
        other(|one| one.builder = Some("https://github.com/actions/runner/self-hosted".into()));
        other(|one| one.builder = Some("https://github.com/z/b/.github/workflows/b.yml@v1".into()));
        other(|one| one.builder = Some("https://gitlab.com/o/r/-/runners/1".into()));
        other(|one| one.builder = None);
        let odd = Claimed {
            builder: Some("https://github.com/actions/runner.example/x".into()),
            ..claimed()
        };
        let old = Origin { runner: None, ..origin() };
        assert!(matches!(agree(&old, &odd, None), Agreement::Incomparable(_)));
    }

    #[test]
    fn a_workflow_may_be_written_with_its_owner() {
        for told in ["o/r/.github/workflows/x.yml", "o/r/.github/workflows/x.yml@refs/heads/main"] {
            let claimed = Claimed { workflow: Some(told.into()), ..claimed() };
            assert_eq!(agree(&origin(), &claimed, None), Agreement::Same, "{told}");
        }
    }

    #[test]
    fn a_builder_of_another_kind_is_told_and_not_believed() {
        let claimed = Claimed { builder: Some("https://builder.example/1".into()), ..claimed() };
        assert!(matches!(agree(&origin(), &claimed, None), Agreement::Incomparable(_)));
    }

    #[test]
    fn another_reference_is_no_change_of_where_it_is_built() {
        let mut later = origin();
        later.workflow = Some("https://github.com/o/r/.github/workflows/x.yml@refs/tags/v2".into());
        later.commit = Some("beef".into());
        assert!(later.changed(&origin()).is_empty());
        later.runner = Some("self-hosted".into());
        later.repository = "https://github.com/o/z".into();
        assert_eq!(later.changed(&origin()).len(), 2);
    }
}
