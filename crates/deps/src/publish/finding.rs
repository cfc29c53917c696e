//! What is looked for, and what was found.

use super::judge::NotJudged;
use super::repository::Repository;
use crate::Severity;
use serde::Serialize;
use std::collections::BTreeSet;

/// Something that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// What somebody who publishes should ask.
    pub question: &'static str,
    /// How much it matters where nothing says otherwise.
    pub severity: Severity,
}

const fn check(code: &'static str, severity: Severity, question: &'static str) -> Check {
    Check { code, question, severity }
}

/// Everything that is looked for, in the order in which it is listed.
pub const CHECKS: [Check; 25] = [
    check("secret-shipped", Severity::Critical, "has this secret been replaced?"),
    check("missing-target", Severity::High, "does the package work once it is installed?"),
    check("contents-differ", Severity::Moderate, "which npm packs the release?"),
    check("own-install-script", Severity::Moderate, "why does install need code execution?"),
    check("program-shipped", Severity::Moderate, "where was this program built?"),
    check("link-left-out", Severity::Low, "does the package work without what is behind the link?"),
    check("hard-link", Severity::Moderate, "does the package work without the second name?"),
    check("stray-file", Severity::Low, "does anybody who installs this need it?"),
    check("sources-shipped", Severity::Low, "are the sources in this map meant to be public?"),
    check("large-file", Severity::Low, "does anybody who installs this need it?"),
    check("incomplete-manifest", Severity::Low, "can others see where this comes from?"),
    check("built-on-publish", Severity::Info, "was what this script makes looked at?"),
    check("untrusted-checkout", Severity::Critical, "can a pull request run here with secrets?"),
    check("long-lived-token", Severity::High, "can a trusted publisher take its place?"),
    check("no-trusted-publishing", Severity::Moderate, "can a trusted publisher take its place?"),
    check("no-provenance", Severity::Moderate, "can others see where this was built?"),
    check("old-npm", Severity::High, "can this npm publish without a token?"),
    check("unpinned-action", Severity::Moderate, "who can change what this action does?"),
    check("wide-permissions", Severity::Moderate, "what does this job need to write?"),
    check("shared-cache", Severity::Moderate, "who can write what this cache holds?"),
    check("unfrozen-install", Severity::Moderate, "is it built from what was reviewed?"),
    check(
        "install-scripts-on",
        Severity::Low,
        "may packages run code beside the right to publish?",
    ),
    check("no-environment", Severity::Low, "who has to agree before a release?"),
    check("unprotected-workflow", Severity::Low, "who reviews a change of the workflow?"),
    check("local-publish", Severity::Low, "is it published from a clean machine?"),
];

/// Something to look at. Texts of files in it are not escaped: whoever shows them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The file, relative to the root of the repository.
    pub file: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// What an agreement names: a path in the package, or a workflow.
    pub subject: String,
    /// What was seen: lower case, no period.
    pub message: String,
    /// What to ask.
    pub question: &'static str,
}

/// Collects what is found.
pub(super) struct Found<'a> {
    repository: &'a Repository,
    pub(super) findings: Vec<Finding>,
    pub(super) not_judged: BTreeSet<NotJudged>,
}

impl<'a> Found<'a> {
    pub(super) const fn new(repository: &'a Repository) -> Self {
        Self { repository, findings: Vec::new(), not_judged: BTreeSet::new() }
    }

    /// Adds a finding about a file of the package.
    pub(super) fn in_package(&mut self, code: &str, path: &str, line: usize, message: String) {
        let file = self.repository.of_package(path);
        self.push(code, None, (file, line), path, message);
    }

    /// The same, of another severity.
    pub(super) fn in_package_as(
        &mut self,
        severity: Severity,
        code: &str,
        place: (&str, usize),
        message: String,
    ) {
        let file = self.repository.of_package(place.0);
        self.push(code, Some(severity), (file, place.1), place.0, message);
    }

    /// Adds a finding about a file of the repository.
    pub(super) fn in_file(
        &mut self,
        severity: Option<Severity>,
        code: &str,
        place: (&str, usize),
        message: String,
    ) {
        self.push(code, severity, (place.0.to_owned(), place.1), place.0, message);
    }

    /// Says that something could not be judged.
    pub(super) fn not_judged(&mut self, what: &'static str, why: impl Into<String>) {
        self.not_judged.insert(NotJudged { what, why: why.into() });
    }

    fn push(
        &mut self,
        code: &str,
        severity: Option<Severity>,
        (file, line): (String, usize),
        subject: &str,
        message: String,
    ) {
        let Some(check) = CHECKS.iter().find(|check| check.code == code) else { return };
        self.findings.push(Finding {
            code: check.code,
            severity: severity.unwrap_or(check.severity),
            file,
            line: line.max(1),
            subject: subject.to_owned(),
            message,
            question: check.question,
        });
    }
}
