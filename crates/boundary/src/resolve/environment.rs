//! The complete environment of the service: fixed defaults, passed names, set values, secrets.
//!
//! Nothing else gets through, so a variable of the caller can neither steer the dynamic loader
//! nor widen Node's permissions. What a passed value means to the program is not looked at,
//! except for the certificate file Node reads before any of the service's own code runs.

use super::error::ResolveError;
use super::view::View;
use super::walk::{shown, walk};
use ringfence_policy::layer::Answer;
use ringfence_policy::model::Environment;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Set unless `env.set` or `env.pass` says otherwise. HOME is the private `/tmp`: it exists, it is
/// writable, and nothing in it outlives the service.
const DEFAULTS: [(&str, &str); 4] = [
    ("HOME", "/tmp"),
    ("LANG", "C.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("TMPDIR", "/tmp"),
];

/// Files that Node or OpenSSL read natively at the start; a wrong path only shows as failing TLS.
const CERTIFICATE_FILES: [&str; 3] = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR", "SSL_CERT_FILE"];

/// Why the environment cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A certificate file that will not be there.
    #[error("{variable} names a file that is not readable inside: {}", shown(.path))]
    Certificates {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
}

impl EnvironmentError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let Self::Certificates { path, .. } = self;
        format!("add \"{}\" to fs.read", shown(path))
    }
}

/// An environment and what is said about it.
#[derive(Debug)]
pub(crate) struct Given {
    /// Sorted by name.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The layer's answer.
    pub(crate) answer: Answer,
    /// Names of the caller's variables that are not given, or not with that value; escaped, sorted.
    pub(crate) removed: Vec<String>,
    /// Where each variable that the file names was named.
    spans: BTreeMap<OsString, Range<usize>>,
}

/// Builds the environment from the caller's and the file.
pub(crate) fn build(wanted: &Environment, caller: &[(OsString, OsString)]) -> Given {
    let mut variables: BTreeMap<OsString, OsString> =
        DEFAULTS.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut spans = BTreeMap::new();
    for name in &wanted.pass {
        let name_os = OsString::from(&name.value);
        if let Some((_, value)) = caller.iter().rev().find(|(known, _)| *known == name_os) {
            variables.insert(name_os.clone(), value.clone());
        }
        spans.insert(name_os, name.span.clone());
    }
    for (name, value) in &wanted.set {
        variables.insert(name.into(), OsString::from(&value.value));
        spans.insert(name.into(), value.span.clone());
    }
    let removed: Vec<String> = caller
        .iter()
        .filter(|(name, value)| variables.get(name).is_none_or(|given| given != value))
        .map(|(name, _)| name.to_string_lossy().escape_default().to_string())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let variables = variables.into_iter().collect();
    Given { variables, answer: Answer::Enforced, removed, spans }
}

impl Given {
    /// Adds secrets that are delivered as variables.
    pub(crate) fn add_secrets(&mut self, secrets: &[(OsString, OsString)]) {
        self.variables.retain(|(name, _)| secrets.iter().all(|(secret, _)| secret != name));
        self.variables.extend(secrets.iter().cloned());
        self.variables.sort();
    }

    /// The value of a variable.
    pub(crate) fn value(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }

    /// Certificate files must be readable inside, or TLS fails later and far away.
    pub(crate) fn check_certificates(
        &self,
        cwd: &Path,
        view: &View,
        errors: &mut Vec<ResolveError>,
    ) {
        for variable in CERTIFICATE_FILES {
            let Some(value) = self.value(variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            let paths: Vec<PathBuf> = match variable {
                "SSL_CERT_DIR" => std::env::split_paths(value).map(|path| cwd.join(path)).collect(),
                _ => vec![cwd.join(value)],
            };
            for path in paths {
                if !walk(&path).is_ok_and(|walked| view.shows(&walked.real)) {
                    let span = self.spans.get(OsStr::new(variable)).cloned().unwrap_or(0..0);
                    errors.push(ResolveError::at(
                        &span,
                        EnvironmentError::Certificates { variable, path },
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::source::Located;

    #[test]
    fn only_defaults_passed_names_set_values_and_secrets_get_through() {
        let wanted = Environment {
            pass: vec![Located::new("PORT".into(), 0..1), Located::new("ABSENT".into(), 0..1)],
            set: [("NODE_ENV".to_owned(), Located::new("production".into(), 0..1))].into(),
        };
        let caller = [
            ("PORT", "8080"),
            ("NODE_OPTIONS", "--permission-audit"),
            ("PATH", "/evil"),
            ("LANG", "C.UTF-8"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let mut given = build(&wanted, &caller);
        given.add_secrets(&[("KEY".into(), "s".into())]);
        let lines: Vec<String> = given
            .variables
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        HOME=/tmp
        KEY=s
        LANG=C.UTF-8
        NODE_ENV=production
        PATH=/usr/local/bin:/usr/bin:/bin
        PORT=8080
        TMPDIR=/tmp
        ");
        assert_eq!(given.removed, ["NODE_OPTIONS", "PATH"]);
    }
}
