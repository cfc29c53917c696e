//! What a signed payload says, as far as every in-toto statement says it.

use serde::Deserialize;
use serde_json::Value;

/// Type of a payload that is an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Type of a statement of version 1.
const VERSION_1: &str = "https://in-toto.io/Statement/v1";

/// Why a payload is not the statement that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is no statement of version 1.
    #[error("it is no in-toto statement of version 1: {0}")]
    Malformed(&'static str),
    /// It says something else than was asked.
    #[error("it is a statement about something else: its predicate is of another type")]
    Predicate,
    /// None of its subjects has this role and digest.
    #[error("it is about another file: no subject has this role and digest")]
    Subject,
}

/// An in-toto statement of version 1 (in-toto attestation framework, spec/v1/statement).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    predicate_type: String,
    /// What it says.
    pub predicate: Value,
}

/// A file that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// Its name.
    #[serde(default)]
    pub name: String,
    digest: Digest,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Digest {
    #[serde(default)]
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct Annotations {
    #[serde(default)]
    role: String,
}

impl Statement {
    /// Reads a verified payload as a statement whose predicate is of this type.
    ///
    /// # Errors
    /// [`StatementError::Malformed`], [`StatementError::Predicate`].
    pub fn read(payload: &[u8], predicate_type: &str) -> Result<Self, StatementError> {
        let statement: Self = serde_json::from_slice(payload).map_err(|_| {
            StatementError::Malformed("it has _type, subject, predicateType and predicate")
        })?;
        if statement.kind != VERSION_1 {
            return Err(StatementError::Malformed("its _type is another"));
        }
        if statement.predicate_type != predicate_type {
            return Err(StatementError::Predicate);
        }
        let hexadecimal = |subject: &Subject| {
            let digest = subject.sha256();
            digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        if statement.subject.is_empty() || !statement.subject.iter().all(hexadecimal) {
            return Err(StatementError::Malformed("each subject has a sha256 digest"));
        }
        Ok(statement)
    }

    /// The one subject of a role, such as `boundary`. Several would leave open which is meant.
    #[must_use]
    pub fn of_role(&self, role: &str) -> Option<&Subject> {
        let mut of_role = self.subject.iter().filter(|one| one.annotations.role == role);
        of_role.next().filter(|_| of_role.next().is_none())
    }

    /// Refuses a statement that is not about this file: SHA-256 in lower-case hexadecimal.
    ///
    /// # Errors
    /// [`StatementError::Subject`].
    pub fn check_subject(&self, role: &str, sha256: &str) -> Result<(), StatementError> {
        match self.of_role(role) {
            Some(only) if only.sha256() == sha256 => Ok(()),
            _ => Err(StatementError::Subject),
        }
    }
}

impl Subject {
    /// Its SHA-256 in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.digest.sha256
    }
}
