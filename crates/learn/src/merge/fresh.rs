//! A whole new boundary file.

use super::{MergeError, merge};
use crate::draft::Proposed;
use crate::quote::quoted;
use std::path::Path;

/// What a new file says besides grants.
#[derive(Debug, Clone, Copy)]
pub struct Fresh<'a> {
    /// Name of the service.
    pub name: &'a str,
    /// The command that was learnt.
    pub command: &'a [String],
    /// Where it was started, absolute and real.
    pub cwd: &'a Path,
    /// Folder of the file, absolute and real.
    pub folder: &'a Path,
}

/// A new file with these grants.
///
/// # Errors
/// What comes out would be no boundary, such as a command whose program is no text.
pub fn fresh(what: &Fresh<'_>, proposed: &[&Proposed]) -> Result<String, MergeError> {
    let start: Vec<String> = what.command.iter().map(|word| quoted(&near(word, what))).collect();
    let cwd = match what.cwd.strip_prefix(what.folder) {
        Ok(inside) if inside == Path::new("") => String::new(),
        Ok(inside) => format!("cwd = {}\n", quoted(&format!("./{}", inside.display()))),
        Err(_) => format!("cwd = {}\n", quoted(&what.cwd.display().to_string())),
    };
    let text = format!(
        "# What the {name} service may do. Everything that is not written here is refused.\n\
         # Drafted from what one run used: read it, and take out what the service should not need.\n\
         schema = 1\n\n[service]\nname = {quoted}\nstart = [{start}]\n{cwd}",
        name = what.name,
        quoted = quoted(what.name),
        start = start.join(", "),
    );
    merge(&text, proposed, what.folder)
}

/// A path of the project without the folder that it lies in here.
fn near(word: &str, what: &Fresh<'_>) -> String {
    match Path::new(word).strip_prefix(what.cwd) {
        Ok(inside) if inside != Path::new("") => format!("./{}", inside.display()),
        _ => word.to_owned(),
    }
}

/// A name for a service: of its `package.json`, else of its folder.
#[must_use]
pub fn service_name(manifest: Option<&str>, folder: &Path) -> String {
    let manifest = manifest.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let named = manifest.as_ref().and_then(|manifest| manifest.get("name")?.as_str());
    let named = named.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
    let folder = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let usable = |name: &String| {
        let mut plain = String::new();
        for character in name.to_ascii_lowercase().chars() {
            let character = if character.is_ascii_alphanumeric() { character } else { '-' };
            if character != '-' || !plain.ends_with('-') {
                plain.push(character);
            }
        }
        let plain: String = plain.trim_matches('-').chars().take(63).collect();
        Some(plain.trim_end_matches('-').to_owned()).filter(|plain| !plain.is_empty())
    };
    named
        .as_ref()
        .and_then(usable)
        .or_else(|| folder.as_ref().and_then(usable))
        .unwrap_or_else(|| "service".to_owned())
}
