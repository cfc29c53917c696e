//! What a program finds in its environment: what was named, and never what loads code.

use super::SpawnError;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;

/// Variables by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment(BTreeMap<String, CString>);

impl Environment {
    /// The boundary file's own rules say which names are refused.
    pub(super) fn set(&mut self, name: &str, value: &OsStr) -> Result<(), SpawnError> {
        let refused = || SpawnError::Variable(name.chars().take(64).collect());
        let named = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named || ringfence_policy::environment::refused(name).is_some() {
            return Err(refused());
        }
        let mut entry = Vec::with_capacity(name.len() + 1 + value.len());
        entry.extend_from_slice(name.as_bytes());
        entry.push(b'=');
        entry.extend_from_slice(value.as_bytes());
        let entry = CString::new(entry).map_err(|_| SpawnError::Nul)?;
        self.0.insert(name.to_owned(), entry);
        Ok(())
    }

    /// `NAME=value`, in the order of the names.
    pub(super) fn entries(&self) -> Vec<CString> {
        self.0.values().cloned().collect()
    }
}
